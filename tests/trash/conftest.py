"""The callers and runs of the tests of runs."""

from tests.runs.conftest import *  # noqa: F403
