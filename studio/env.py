"""Read settings from the environment with checked types; a wrong value stops the start with the name of the setting."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from studio import numbers

Given = ParamSpec("Given")
Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Reading:
    value: Any
    # Whether it comes from the environment and not from the default.
    is_given: bool


# The settings that this process has read, by the name of the variable, for the administration.
READ: dict[str, Reading] = {}


def remember_reading(read: Callable[Given, Value]) -> Callable[Given, Value]:
    """Record the value that a function reads; its first argument is the name of the variable."""

    @functools.wraps(read)
    def read_and_remember(*args: Given.args, **kwargs: Given.kwargs) -> Value:
        value, name = read(*args, **kwargs), str(args[0])
        READ[name] = Reading(value, name in os.environ)
        return value

    return read_and_remember


@remember_reading
def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


@remember_reading
def read_bool(name: str, default: bool) -> bool:
    value = os.environ.get(name, str(default))
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off", ""):
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: write True or False")


@remember_reading
def read_int(name: str, default: int, min_value: int = 0, max_value: int = 2**31) -> int:
    value = os.environ.get(name, str(default))
    found = numbers.int_or_none(value)
    if found is None or not min_value <= found <= max_value:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number from {min_value} to {max_value}")
    return found


@remember_reading
def read_choice(name: str, choices: tuple[str, ...]) -> str:
    """One of these words; the first if none is given."""
    value = os.environ.get(name) or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: write {' or '.join(choices)}")
    return value


@remember_reading
def read_list(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


@remember_reading
def read_amounts(name: str) -> dict[str, float]:
    """Amounts by name in lower case, written as `name=1.5,other=2`."""
    amounts = {}
    for entry in read_list(name):
        key, _, text = entry.partition("=")
        amount = numbers.float_or_none(text)
        if not key.strip() or amount is None or not 0 <= amount < 1e9:
            raise ImproperlyConfigured(
                f"{name}: write {entry!r} as a name, = and a number, such as Standard_DS3_v2=0.25"
            )
        amounts[key.strip().lower()] = amount
    return amounts


@remember_reading
def read_amount(name: str) -> float | None:
    """None if there is none."""
    text = os.environ.get(name, "")
    amount = numbers.float_or_none(text)
    if text and (amount is None or not 0 <= amount < 1e9):
        raise ImproperlyConfigured(f"{name}={text!r}: write a number such as 0.02")
    return amount


@remember_reading
def read_folder(name: str, default: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(os.environ.get(name) or default).expanduser().resolve()


@remember_reading
def read_file(name: str) -> pathlib.Path | None:
    """The path of an existing, readable file."""
    value = os.environ.get(name)
    if not value:
        return None
    path = pathlib.Path(value).expanduser().resolve()
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise ImproperlyConfigured(f"{name}={value!r}: write the path of a file that the studio may read")
    return path


@remember_reading
def read_url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    value = os.environ.get(name, default)
    if value and value.split(":", 1)[0] not in schemes:
        raise ImproperlyConfigured(
            f"{name}={value!r}: write an address that begins with {', '.join(s + ':' for s in schemes)}"
        )
    return value


@remember_reading
def read_server(name: str, schemes: tuple[str, ...]) -> str:
    """An address with a host and a port, such as tls://logs.example.org:6514."""
    value = os.environ.get(name, "")
    parts = urlsplit(value)
    try:
        is_whole = bool(parts.hostname and parts.port)
    except ValueError:
        is_whole = False
    if value and not (parts.scheme in schemes and is_whole):
        kinds = " or ".join(f"{scheme}://host:port" for scheme in schemes)
        raise ImproperlyConfigured(f"{name}={value!r}: write {kinds}")
    return value


@remember_reading
def read_secret_of(name: str, user: str) -> str:
    """A secret that another setting needs, of 16 characters or more."""
    value = os.environ.get(name, "")
    if os.environ.get(user) and len(value) < 16:
        raise ImproperlyConfigured(f"{name}: write a secret of 16 or more characters; {user} needs it")
    return value
