"""Run one script for one run: `python -m lazuli.runner SPEC.json`. Nodes and local runs use it."""
