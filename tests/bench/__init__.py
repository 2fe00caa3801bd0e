"""Measurements, as ratios within one run: `uv run python -m tests.bench [NAME …] [--json]`. Nothing here is a test."""
