"""Azure's rules for names and other short texts, used by pages, API and commands."""

import re
import unicodedata

from studio import visible_names
from studio.errors import Invalid

WORKSPACE = re.compile(r"[a-zA-Z0-9][\w-]{2,32}", re.ASCII)
GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")
SUBSCRIPTION = re.compile(r"[\w][\w .…-]{0,99}")
COMPUTE = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])")
EXPERIMENT = re.compile(r"[a-zA-Z0-9][\w./ -]{0,254}", re.ASCII)
RUN = re.compile(r"[a-zA-Z0-9][\w.-]{0,255}", re.ASCII)
ASSET = re.compile(r"[a-zA-Z0-9][\w.-]{0,254}", re.ASCII)

DATASTORE = re.compile(r"\w{1,255}", re.ASCII)
DATA = re.compile(r"\w[\w. ()-]{0,253}[\w.)-]|\w")

DIGITS = re.compile(r"([0-9]+)")

SECRET = re.compile(r"[a-zA-Z0-9-]{1,127}", re.ASCII)

RULES = {
    "workspace name": (WORKSPACE, "3 to 33 letters, digits, hyphens and underscores, starting with a letter or digit"),
    "resource group name": (
        GROUP,
        "1 to 90 letters, digits, hyphens, underscores, periods and parentheses, not ending in a period",
    ),
    "subscription": (SUBSCRIPTION, "1 to 100 letters, digits, hyphens, underscores, periods and spaces"),
    "compute name": (COMPUTE, "2 to 32 letters, digits and hyphens, starting with a letter and not ending in a hyphen"),
    "datastore name": (DATASTORE, "1 to 255 letters, digits and underscores"),
    "data name": (
        DATA,
        "1 to 255 letters, digits, spaces, periods, hyphens, underscores and parentheses, starting with a letter or digit",
    ),
    "secret name": (SECRET, "1 to 127 letters, digits and hyphens"),
    "experiment name": (EXPERIMENT, "1 to 255 letters, digits, spaces and . / _ -, starting with a letter or digit"),
    "run id": (RUN, "1 to 256 letters, digits, periods, hyphens and underscores, starting with a letter or digit"),
    "model name": (
        ASSET,
        "1 to 255 letters, digits, periods, hyphens and underscores, starting with a letter or digit",
    ),
    "environment name": (
        ASSET,
        "1 to 255 letters, digits, periods, hyphens and underscores, starting with a letter or digit",
    ),
}
MAX_TAGS = 50


def check_name(value: str, what: str) -> str:
    """The name itself if it matches the rule of `what` (a key of RULES); else Invalid with the rule."""
    pattern, rule = RULES[what]
    _refuse_unseen(value, what, target=what)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(f"{str(value)[:200]!r} is not a {what}: use {rule}.", target=what)
    return value


def check_text(
    value, what: str, *, max_length: int, allow_empty: bool = False, target: str = "", allow_lines: bool = False
) -> str:
    """A name that can be seen, at most `max_length` characters; Invalid names the limit, and the field by `target`.

    With `allow_lines` it is a text to be read, such as a description: it may have lines, and any writing direction.
    """
    target = target or wire_name(what)
    if not isinstance(value, str):
        raise Invalid(f"The {what} must be text, not {type(value).__name__}.", target=target)
    if len(value) > max_length:
        raise Invalid(f"The {what} has {len(value)} characters; {max_length} are allowed.", target=target)
    if not value and not allow_empty:
        raise Invalid(f"The {what} is empty.", target=target)
    if not allow_lines:
        _refuse_unseen(value, what, target)
    elif any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\r\t" for c in value):
        raise Invalid(f"The {what} contains a control character or half of a character.", target=target)
    return value


def _refuse_unseen(value, what: str, target: str) -> None:
    problem = visible_names.problem_with(value) if isinstance(value, str) else ""
    if problem:
        raise Invalid(f"The {what} {problem}", target=target)


def wire_name(what: str) -> str:
    """The name in the API: `displayName` for "display name"."""
    first, *rest = what.split()
    return first + "".join(word.title() for word in rest)


def check_tags(value, what: str = "tag", *, max_count: int = MAX_TAGS) -> dict[str, str]:
    """Tags or properties as text → text; other values become text, as in SDK v1."""
    many = {"property": "properties"}.get(what, f"{what}s")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"Write {many} as an object of names and values.", target=many)
    if len(value) > max_count:
        raise Invalid(f"{len(value)} {many} were given; {max_count} are allowed.", target=many)
    return {
        check_text(k, f"{what} name", max_length=256, target=many): check_text(
            _text(v),
            f"value of {what} {k!r}",
            max_length=8000,
            allow_empty=True,
            target=f"{many}/{k}",
            allow_lines=True,
        )
        for k, v in value.items()
    }


def _text(value) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def natural_key(name: str) -> tuple[list, str]:
    """Natural order: ckpt_150 before ckpt_1000; numbers are at the odd positions."""
    parts: list = DIGITS.split(name.lower())
    parts[1::2] = [int(part) for part in parts[1::2]]
    return parts, name
