"""Runs on a server: submitting and reading them."""
