"""Python environments for runs: made by uv from SDK v1's description, once per content, and kept."""

from lazuli.environments.building import prepare, sdk_for
from lazuli.environments.cache import BuildFailed, Prepared, cache_folder

__all__ = ["BuildFailed", "Prepared", "cache_folder", "prepare", "sdk_for"]
