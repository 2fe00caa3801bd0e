"""Decides, and writes nothing.

Owns: the permissions (one enum), the Casbin model, the policy's reading and its versions, the conditions, and
the three renderings of a refusal: a coarse code for the model, a reason and a next step for the person, everything
for the auditor. Does not own: whether a credential is alive (`shop.credentials`, asked first), what is done after
a decision (`shop.tools.gateway`), or its record (`shop.audit`).
Read next: `seed_data/policy/policy.csv` (the rules themselves), `policy.py`, `decisions.py`.
"""
