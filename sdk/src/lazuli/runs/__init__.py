"""Runs on a server, from the side of whoever submits and reads them."""
