"""The content of an MLflow model's file MLmodel: signature, input example, flavors."""

import dataclasses
import json
from typing import Any

import yaml

from registry import version_files
from registry.signature_rules import MAX_COLUMNS, MAX_EXAMPLE, PARTS
from studio.errors import Invalid
from studio.yaml_text import BoundedLoader, load_yaml

FILE = "MLmodel"
MAX_BYTES = 512 * 1024


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
    # The columns as MLflow writes them.
    signature: dict[str, list[dict]] = dataclasses.field(default_factory=dict)
    problem: str = ""

    @property
    def has_signature(self) -> bool:
        return bool(self.inputs or self.outputs or self.params)

    @property
    def signature_text(self) -> str:
        """The signature as it is edited."""
        return format_signature(self.signature)


def read_description(files: version_files.ModelFiles | None) -> Description:
    row = files.find(FILE) if files else None
    try:
        return describe(read_content(row)) if row else Description()
    except Invalid as error:
        return Description(problem=error.message)


def describe(content: dict) -> Description:
    signature = _as_dict(content.get("signature"))
    inputs, outputs, params = ([_make_column(one) for one in _load_columns(signature.get(part))] for part in PARTS)
    return Description(
        inputs=inputs,
        outputs=outputs,
        params=params,
        flavors={
            name: _flavor_version(about)
            for name, about in _as_dict(content.get("flavors")).items()
            if isinstance(name, str)
        },
        example_path=_as_text(_as_dict(content.get("saved_input_example_info")).get("artifact_path")),
        signature=read_signature(content),
    )


def read_content(row) -> dict:
    """The names and values of the file."""
    if row.size > MAX_BYTES:
        raise Invalid(f"The file MLmodel has {row.size:,} bytes; {MAX_BYTES:,} can be read.")
    try:
        found = load_yaml(version_files.read_bytes(row, MAX_BYTES), BoundedLoader)
    except yaml.YAMLError as error:
        raise Invalid(f"The file MLmodel cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise Invalid("The file MLmodel is not a list of names and values.")
    return found


def read_signature(content: dict) -> dict[str, list[dict]]:
    """The columns of each part that there is, from the texts of JSON that MLflow writes."""
    signature = _as_dict(content.get("signature"))
    parts = {part: _load_columns(_as_text(signature.get(part))) for part in PARTS}
    return {part: columns for part, columns in parts.items() if columns}


def format_signature(signature: dict[str, list[dict]]) -> str:
    """As JSON with a line for each column; empty without one."""
    parts = []
    for name, columns in signature.items():
        lines = ",\n".join(f"    {json.dumps(column, ensure_ascii=False)}" for column in columns)
        parts.append(f'  "{name}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(parts) + "\n}" if parts else ""


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


def _load_columns(text: Any) -> list[dict]:
    """Read the columns, which are JSON in a text of the YAML; anything but a list of columns is left out."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return []
    return [one for one in found[:MAX_COLUMNS] if isinstance(one, dict)] if isinstance(found, list) else []


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


def load_example(files: version_files.ModelFiles | None, description: Description) -> Any:
    """The value of the input example; None if there is none, or if it is long."""
    try:
        return json.loads(read_example(files, description))
    except (ValueError, RecursionError):
        return None


def format_example(files: version_files.ModelFiles | None, description: Description) -> str:
    """The input example as it is edited; empty if it is long."""
    value = load_example(files, description)
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def has_signature(version) -> bool:
    return read_description(version_files.files_of(version)).has_signature
