"""The version of the SDK; it follows the series of SDK v1 that it stands in for."""

VERSION = "1.62.0"
