"""Groups of settings that are written to and read from JSON and YAML in the service's camelCase."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple, Type, TypeVar

from azureml.exceptions import RunConfigurationException

Element = TypeVar("Element", bound="ConfigElement")


def camel(name: str) -> str:
    """`max_run_duration_seconds` as `maxRunDurationSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class ConfigElement:
    """`_fields` names the settings in the order in which they are written."""

    _fields: Tuple[str, ...] = ()
    # Where the service's word is not the camelCase of ours.
    _renamed: Mapping[str, str] = {}

    @classmethod
    def _key(cls, field: str) -> str:
        return cls._renamed.get(field, camel(field))

    def _to_dict(self) -> Dict[str, Any]:
        return {self._key(field): _plain(getattr(self, field)) for field in self._fields}

    def _fill(self: Element, values: Mapping[str, Any]) -> Element:
        """Take the settings that `values` names; the first letter's case does not count, unknown ones are left."""
        known = {key[:1].lower() + key[1:]: value for key, value in values.items()}
        for field in self._fields:
            key = self._key(field)
            if key in known:
                setattr(self, field, self._parsed(field, known[key]))
        return self

    def _parsed(self, field: str, value: Any) -> Any:
        present = getattr(self, field)
        if isinstance(present, ConfigElement) and isinstance(value, Mapping):
            return present._fill(value)
        return value

    def __repr__(self) -> str:
        import json

        return json.dumps(self._to_dict(), indent=4, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, ConfigElement):
        return value._to_dict()
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def one_of(value: Any, allowed: Tuple[str, ...], what: str) -> str:
    """The allowed spelling of `value`, whatever its case."""
    for choice in allowed:
        if str(value).lower() == choice.lower():
            return choice
    raise RunConfigurationException(f"{what}={value!r} is not known. Allowed: {', '.join(allowed)}.")


def element_of(kind: Type[Element], value: Any, what: str) -> Element:
    """`value` if it is a `kind`; else an error that names what was expected."""
    if isinstance(value, kind):
        return value
    raise RunConfigurationException(f"{what} must be a {kind.__name__}, not {type(value).__name__}.")
