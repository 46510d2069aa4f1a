"""Runs one script for one run: `python -m lazuli.runner SPEC.json`. Nodes use it, and so do local runs."""
