"""The results of tools: the allow-list of fields that may leave for a model (invariant I12), typed once.

A field that is not declared here does not leave. Pages of the shop show people the same views.
"""
