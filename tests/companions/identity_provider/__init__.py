"""Tests of the embedded identity provider, in one process, with their own clock."""
