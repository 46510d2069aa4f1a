"""The result of one check of `manage.py doctor`."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """`state` is ok, warn or fail. `text` describes the situation, `remedy` what to do."""

    what: str
    state: str
    text: str
    remedy: str = ""


def passed(what: str, text: str) -> Finding:
    return Finding(what, "ok", text)


def warn(what: str, text: str, remedy: str) -> Finding:
    return Finding(what, "warn", text, remedy)


def fail(what: str, text: str, remedy: str) -> Finding:
    return Finding(what, "fail", text, remedy)
