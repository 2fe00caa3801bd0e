"""The database's schema as it changes: a database that an earlier version of the shop made is upgraded, and keeps everything.

Owns: which revision a database is of (`recognition.py`); creating, upgrading and checking one (`upgrade.py`); `flask db …`
(`commands.py`); the revisions themselves, in the order in which they run (`versions/`), and what Alembic runs them with (`env.py`).
Not here: the tables, which stand as models in the packages that own them, and the rows of the first day (`shop/demo/seeding.py`).
Read next: `upgrade.py`.
"""
