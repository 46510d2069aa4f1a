"""Datastores and datasets: the requests, and the one list of steps that reads data."""
