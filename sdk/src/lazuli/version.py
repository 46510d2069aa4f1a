"""The version of the SDK; it follows the versions of SDK v1."""

VERSION = "1.62.0"
