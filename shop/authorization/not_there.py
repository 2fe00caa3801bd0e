"""The one answer for what is not there and for what is somebody else's (invariant I10): nobody learns which of the two it was."""

NOT_THERE = "There is nothing under that number or name."
