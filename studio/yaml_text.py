"""Reading YAML of people with limits: a reader in Python needs seconds for half a megabyte, and minutes for deep nesting."""

import collections
from typing import Any

import yaml

MAX_DEPTH, MAX_NODES = 16, 5_000


class BoundedLoader(yaml.SafeLoader):
    """Refuses very many values and deep nesting."""

    depth = nodes = 0

    def compose_node(self, parent, index):
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise yaml.YAMLError(f"it has more than {MAX_NODES} values")
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} levels deep")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class PlainLoader(BoundedLoader):
    """Also refuses aliases, because ten lines can expand to gigabytes, and repeated names."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("write it without anchors and aliases (& and *)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        """Refuses repeated names: the second would silently win."""
        keys = collections.Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [key for key, count in keys.items() if count > 1]:
            raise yaml.YAMLError(f"{twice[0]!r} is written twice")
        return super().construct_mapping(node, deep)


def load_yaml(text: str | bytes, loader: type[BoundedLoader] = PlainLoader) -> Any:
    """Return the content of a YAML text. Raises only YAMLError.

    PyYAML raises other errors for a value that is not of its kind, such as `2020-99-99`, `!!bool abc` or 5,000 digits.
    """
    try:
        return yaml.load(text, loader)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise yaml.YAMLError(f"a value cannot be read: {type(error).__name__}: {error}"[:1000]) from error
