"""Checks of `manage.py doctor`: their result, and those that apps add."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Finding:
    """`state` is ok, warn or fail. `text` describes the situation, `remedy` what to do."""

    what: str
    state: str
    text: str
    remedy: str = ""


# Apps append theirs when they are ready. They are not in studio/doctor.py, which loads what only its own checks need.
APP_CHECKS: list[Callable[[], Finding]] = []


def passed(what: str, text: str) -> Finding:
    return Finding(what, "ok", text)


def warn(what: str, text: str, remedy: str) -> Finding:
    return Finding(what, "warn", text, remedy)


def fail(what: str, text: str, remedy: str) -> Finding:
    return Finding(what, "fail", text, remedy)
