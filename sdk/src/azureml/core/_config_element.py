"""Groups of settings that are written to JSON and YAML, and read from it, with camelCase keys."""

from __future__ import annotations

import difflib
import json
import warnings
from typing import Any, Dict, Mapping, Sequence, Tuple, Type, TypeVar

from azureml.exceptions import RunConfigurationException

Element = TypeVar("Element", bound="ConfigElement")


def to_camel_case(name: str) -> str:
    """`max_run_duration_seconds` as `maxRunDurationSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class ConfigElement:
    """`_fields` names the settings in the order in which they are written."""

    _fields: Tuple[str, ...] = ()
    # Keys that are not the camelCase of the setting's name.
    _renamed: Mapping[str, str] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        warn_unless_setting(self, name, self._fields)
        super().__setattr__(name, value)

    @classmethod
    def _json_key(cls, field: str) -> str:
        return cls._renamed.get(field, to_camel_case(field))

    def _to_dict(self) -> Dict[str, Any]:
        return {self._json_key(field): _to_json_value(getattr(self, field)) for field in self._fields}

    def _set_values(self: Element, values: Mapping[str, Any]) -> Element:
        """Set the settings that `values` names; the case of a key's first letter is ignored, and so are unknown keys."""
        known = {key[:1].lower() + key[1:]: value for key, value in values.items()}
        for field in self._fields:
            key = self._json_key(field)
            if key in known:
                setattr(self, field, self._parse_value(field, known[key]))
        return self

    def _parse_value(self, field: str, value: Any) -> Any:
        present = getattr(self, field)
        if isinstance(present, ConfigElement) and isinstance(value, Mapping):
            return present._set_values(value)
        # A section without anything, such as `environment:`, stays as it is.
        return present if isinstance(present, ConfigElement) and value is None else value

    def __repr__(self) -> str:
        return json.dumps(self._to_dict(), indent=4, default=str)


def _to_json_value(value: Any) -> Any:
    if isinstance(value, ConfigElement):
        return value._to_dict()
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {str(key): _to_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json_value(item) for item in value]
    return value


def warn_unless_setting(element: Any, name: str, settings: Sequence[str], advice: str = "") -> None:
    """Warn of an attribute that nothing reads, such as one with a misspelled name."""
    if name.startswith("_") or name in settings or hasattr(type(element), name):
        return
    close = difflib.get_close_matches(name, settings, 1)
    meant = f" Did you mean {close[0]}?" if close else advice
    warnings.warn(f"{type(element).__name__} has no setting {name!r}, which has no effect here.{meant}", stacklevel=3)


def check_one_of(value: Any, allowed: Tuple[str, ...], what: str) -> str:
    """The allowed spelling of `value`, whose case is ignored. Raises RunConfigurationException."""
    for choice in allowed:
        if str(value).lower() == choice.lower():
            return choice
    raise RunConfigurationException(f"{what}={value!r} is not allowed. Allowed: {', '.join(allowed)}.")


def check_type(kind: Type[Element], value: Any, what: str) -> Element:
    """Return `value` if it is a `kind`. Raises RunConfigurationException that names what was expected."""
    if isinstance(value, kind):
        return value
    raise RunConfigurationException(f"{what} must be a {kind.__name__}, not {type(value).__name__}.")
