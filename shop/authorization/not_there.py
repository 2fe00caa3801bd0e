"""The one answer for what is not there and for what is somebody else's (invariant I10): nobody learns which of the two it was."""

NOT_THERE = "There is nothing under that number or name."
NOT_THERE_RULE = "default.not_there"
"""For the auditor alone: the rule under which it is recorded when nothing was there. Audit events hold this spelling."""
