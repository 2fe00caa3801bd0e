"""The tools, by workflow. Only the registry imports them, and only the gateway runs them (invariant I1)."""
