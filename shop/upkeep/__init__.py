"""Periodic jobs, which run outside of requests.

Owns: when each job runs (`jobs.py`), and which rows go when they have expired (`expired.py`). Does not own: what a job does
with the rows of another package; that package says it, in a function that takes a session and a bound.

Every process that serves runs the jobs, in one thread that begins with its first request. Several at once are harmless: a job
takes rows in short transactions and leaves those alone that another process is at. A job of your own is one more `Job` in the
list of `shop.application`. Without a server that calls `jobs.start`, `uv run flask sweep` runs each job once.

Read next: `jobs.py`.
"""
