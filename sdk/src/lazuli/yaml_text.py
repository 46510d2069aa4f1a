"""YAML as text and files. PyYAML is imported at its first use, since it takes a fifth of the SDK's start-up time."""

from __future__ import annotations

import os
from typing import Any

from lazuli.errors import UserErrorException


def parse_yaml(text: str, source: str) -> Any:
    """The content of a YAML text; `source` names it in the error. Raises UserErrorException if it is not YAML."""
    import yaml  # start-up time

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, AttributeError, LookupError, ValueError, RecursionError) as error:
        # PyYAML raises others than its own for `2020-99-99`, `!!bool abc` or 5,000 digits.
        raise UserErrorException(f"{source} is not valid YAML: {error}", inner_exception=error) from error


def read_yaml_file(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return parse_yaml(file.read(), path)


def format_yaml(content: Any) -> str:
    """The content as block YAML, with its keys in the order that they have."""
    import yaml  # start-up time

    return str(yaml.safe_dump(content, default_flow_style=False, sort_keys=False))


def write_yaml_file(path: str, content: Any) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(format_yaml(content))
