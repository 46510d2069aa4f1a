"""Datastores and datasets: requests, and the steps that read data."""
