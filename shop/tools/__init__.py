"""The one door, and what is behind it.

Owns: the gateway through which every call passes, whoever makes it (the in-app assistant, an external assistant, a person's
click), the declaration of a tool, and the tools. Does not own: the shop's state (`shop.store`), the decision
(`shop.authorization`), the record (`shop.audit`), or how a call gets here (`shop.assistant`, `shop.storefront`, `shop.mcp`).

    gateway.py           the six steps of a call. Read it first
    call.py, outcomes.py what comes in and what goes out; refusals.py: the three renderings of a refusal
    audit_records.py     what is recorded of a call
    retries.py           a call that came before
    receipt_desk.py      a receipt as its person reads it, and every refused attempt to decide one
    enquiries.py         what pages ask without a call
    tool.py, presentation.py           what a tool declares; how it is told of to people and hosts
    permit.py, registry.py             what proves that a call passed, and tells a tool of the others; all tools there are
    workflows/           the tools, a module or two for each workflow
    views/               what may be told of a result, field by field
    results/             a result for the model, for other hosts, in a widget
"""
