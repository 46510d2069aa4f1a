"""Settings come from the environment with checked types; a wrong value stops the start by name."""

import os
import pathlib

from django.core.exceptions import ImproperlyConfigured

from studio import numbers


def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def read_bool(name: str, default: bool) -> bool:
    value = os.environ.get(name, str(default))
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off", ""):
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: write True or False")


def read_int(name: str, default: int, min_value: int = 0, max_value: int = 2**31) -> int:
    value = os.environ.get(name, str(default))
    found = numbers.int_or_none(value)
    if found is None or not min_value <= found <= max_value:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number from {min_value} to {max_value}")
    return found


def read_choice(name: str, choices: tuple[str, ...]) -> str:
    """One of these words; the first if none is given."""
    value = os.environ.get(name) or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: write {' or '.join(choices)}")
    return value


def read_list(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


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


def read_folder(name: str, default: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(os.environ.get(name) or default).expanduser().resolve()


def read_file(name: str) -> pathlib.Path | None:
    """A file that is there and can be read."""
    value = os.environ.get(name)
    if not value:
        return None
    path = pathlib.Path(value).expanduser().resolve()
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise ImproperlyConfigured(f"{name}={value!r}: write the path of a file that the studio may read")
    return path


def read_url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    value = os.environ.get(name, default)
    if value and value.split(":", 1)[0] not in schemes:
        raise ImproperlyConfigured(
            f"{name}={value!r}: write an address that begins with {', '.join(s + ':' for s in schemes)}"
        )
    return value
