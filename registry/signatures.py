"""The content of an MLflow model's file MLmodel: signature, input example, flavors."""

import dataclasses
import json
from typing import Any

import yaml

from registry import version_files
from studio.yaml_text import BoundedLoader, load_yaml

FILE = "MLmodel"
MAX_BYTES = 512 * 1024
MAX_COLUMNS = 500
MAX_EXAMPLE = 20_000


@dataclasses.dataclass(frozen=True)
class SignatureColumn:
    name: str
    kind: str
    is_required: bool
    # The shape of a tensor, in which -1 is any size; None for a column.
    shape: tuple[int, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Description:
    """The contents of a model's MLmodel file; empty without one."""

    inputs: list[SignatureColumn] = dataclasses.field(default_factory=list)
    outputs: list[SignatureColumn] = dataclasses.field(default_factory=list)
    params: list[SignatureColumn] = dataclasses.field(default_factory=list)
    flavors: dict[str, str] = dataclasses.field(default_factory=dict)
    example_path: str = ""
    problem: str = ""

    @property
    def has_signature(self) -> bool:
        return bool(self.inputs or self.outputs or self.params)


def read_description(files: version_files.ModelFiles | None) -> Description:
    row = files.find(FILE) if files else None
    if row is None:
        return Description()
    if row.size > MAX_BYTES:
        return Description(problem=f"The file MLmodel has {row.size:,} bytes; {MAX_BYTES:,} can be read.")
    try:
        found = load_yaml(version_files.read_bytes(row, MAX_BYTES), BoundedLoader)
    except yaml.YAMLError as error:
        return Description(problem=f"The file MLmodel cannot be read: {error}")
    if not isinstance(found, dict):
        return Description(problem="The file MLmodel is not a list of names and values.")
    signature = _as_dict(found.get("signature"))
    return Description(
        inputs=_read_columns(signature.get("inputs")),
        outputs=_read_columns(signature.get("outputs")),
        params=_read_columns(signature.get("params")),
        flavors={
            name: _flavor_version(about)
            for name, about in _as_dict(found.get("flavors")).items()
            if isinstance(name, str)
        },
        example_path=_as_text(_as_dict(found.get("saved_input_example_info")).get("artifact_path")),
    )


def _as_dict(value) -> dict:
    return value if isinstance(value, dict) else {}


def _as_text(value) -> str:
    return value if isinstance(value, str) else ""


def _flavor_version(about) -> str:
    for key, value in _as_dict(about).items():
        if isinstance(key, str) and key.endswith("_version") and (text := _scalar_text(value)):
            return text
    return ""


def _scalar_text(value) -> str:
    """Empty for anything else: the text of nested values, which may share parts, has no bound."""
    return str(value) if isinstance(value, str | int | float) else ""


def _read_columns(text: Any) -> list[SignatureColumn]:
    """Read the columns, which are JSON in a text of the YAML; anything but a list of columns is left out."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return []
    return (
        [_make_column(one) for one in found[:MAX_COLUMNS] if isinstance(one, dict)] if isinstance(found, list) else []
    )


def _make_column(one: dict) -> SignatureColumn:
    kind, shape = _as_text(one.get("type")), None
    if spec := _as_dict(one.get("tensor-spec")):
        given = spec.get("shape")
        sizes = given[:10] if isinstance(given, list) else []
        kind = f"{_as_text(spec.get('dtype')) or 'tensor'} ({', '.join(map(_scalar_text, sizes))})"
        shape = tuple(size if isinstance(size, int) else -1 for size in sizes)
    return SignatureColumn(_as_text(one.get("name")), kind, one.get("required") is not False, shape)


def read_example(files: version_files.ModelFiles | None, description: Description) -> str:
    """The text of the input example, its beginning if it is long."""
    row = files.find(description.example_path) if files and description.example_path else None
    if row is None:
        return ""
    text = version_files.read_bytes(row, MAX_EXAMPLE).decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if row.size <= MAX_EXAMPLE else text
    except (ValueError, RecursionError):
        return text


def has_signature(version) -> bool:
    return read_description(version_files.files_of(version)).has_signature
