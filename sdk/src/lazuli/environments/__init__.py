"""Python environments for runs: built by uv from SDK v1's definition, once per content, and cached."""
