"""The API of runs, as described in docs/architecture.md."""
