"""What the demonstration needs beside the shop: the seeded state, and bringing it back.

Owns: reading `seed_data/` into the database, and `flask reset` (`seeding.py`); each organization's sign-in as it is configured
(`connections.py`); the companions as processes (`companions.py`); a person who signs in without a browser (`personas.py`).
Nothing here skips a check (invariant I15): seeded people sign in like everyone. A later step adds the flow inspector and attack scenarios.
Read next: `seeding.py`.
"""
