"""Settings come from the environment with checked types; a wrong value stops the start by name."""

import os
import pathlib

from django.core.exceptions import ImproperlyConfigured

from studio import numbers


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name, str(default))
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off", ""):
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: write True or False")


def integer(name: str, default: int, least: int = 0, most: int = 2**31) -> int:
    value = os.environ.get(name, str(default))
    found = numbers.as_whole(value)
    if found is None or not least <= found <= most:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number from {least} to {most}")
    return found


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def folder(name: str, default: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(os.environ.get(name) or default).expanduser().resolve()


def url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    value = os.environ.get(name, default)
    if value and value.split(":", 1)[0] not in schemes:
        raise ImproperlyConfigured(
            f"{name}={value!r}: write an address that begins with {', '.join(s + ':' for s in schemes)}"
        )
    return value
