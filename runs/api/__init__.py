"""Runs over the wire, in the shapes of docs/architecture.md."""
