"""MLflow models that are served without an entry script: which models can be, their environment, an example request."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from assets import environments
from registry import signatures, version_files
from registry.models import ModelVersion
from studio.errors import Invalid

FLAVOR = "python_function"
CONDA, REQUIREMENTS = "conda.yaml", "requirements.txt"
# MLflow writes the example of a request itself; older versions only wrote the data.
SERVING_EXAMPLE = "serving_input_example.json"
MAX_FILE = 256 * 1024
# Values of an example by the types of a signature.
EXAMPLES: dict[str, Any] = {
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "boolean": False,
    "string": "text",
    "datetime": "2026-01-31T00:00:00",
}
MAX_TENSOR = 1000


def check_models(models: Sequence[ModelVersion]) -> None:
    """Raises Invalid unless it is one MLflow model with the flavor python_function."""
    if len(models) != 1:
        raise Invalid(
            f"A service without an entry script needs exactly one MLflow model; this one has {len(models)}.",
            target="models",
        )
    version = models[0]
    about = signatures.read_description(version_files.files_of(version))
    if about.problem:
        raise Invalid(f"{version} cannot be served without an entry script. {about.problem}", target="models")
    if FLAVOR not in about.flavors:
        found = f"its flavors are {', '.join(about.flavors)}" if about.flavors else "it is not an MLflow model"
        raise Invalid(
            f"{version} cannot be served without an entry script: {found}. Add an entry script, or register an MLflow "
            f"model with the flavor {FLAVOR}.",
            target="models",
        )


def is_servable(version: ModelVersion) -> bool:
    """Whether it needs no entry script."""
    try:
        check_models([version])
    except Invalid:
        return False
    return True


def make_environment(version: ModelVersion) -> dict:
    """The environment of the model's own conda.yaml, or of its requirements.txt."""
    conda = _read_file(version, CONDA)
    requirements = "" if conda else _read_file(version, REQUIREMENTS)
    if conda:
        packages = environments.read_conda(conda)
    elif requirements:
        lines = [line.strip() for line in requirements.splitlines()]
        packages = {"dependencies": ["python", {"pip": [line for line in lines if line and not line.startswith("#")]}]}
    else:
        raise Invalid(
            f"{version} has neither {CONDA} nor {REQUIREMENTS}: choose an environment that has mlflow.",
            target="environmentId",
        )
    return environments.definition_from_conda(f"{version.model.name}-{version.number}", packages, None)


def _read_file(version: ModelVersion, path: str) -> str:
    """The text of a file of the model; empty without one."""
    files = version_files.files_of(version)
    row = files.find(path) if files else None
    if row is None:
        return ""
    if row.size > MAX_FILE:
        raise Invalid(f"{path} of {version} has {row.size:,} bytes; {MAX_FILE:,} are allowed.", target="models")
    return version_files.read_bytes(row, MAX_FILE).decode("utf-8", "replace")


# By MLflow's type of a column; the others are texts.
READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("integer", "long"), int),
    **dict.fromkeys(("float", "double"), float),
    "boolean": lambda text: {"true": True, "false": False}[text.strip().lower()],
}


def list_inputs(version: ModelVersion) -> list[signatures.SignatureColumn]:
    """The inputs of the model's signature."""
    return signatures.read_description(version_files.files_of(version)).inputs


def read_value(column: signatures.SignatureColumn, text: str) -> Any:
    """The typed text of a column as the JSON value of its type."""
    reading = READERS.get(column.kind, str)
    try:
        if text or column.kind == "string":
            return reading(text)
    except (KeyError, ValueError):
        raise Invalid(f"{text[:40]!r} is no value of the type {column.kind}.") from None
    raise Invalid("The model needs this value.")


def write_example(version: ModelVersion) -> str:
    """The JSON of a request: the input example of the model, or one made from its signature; empty without both."""
    files = version_files.files_of(version)
    about = signatures.read_description(files)
    body = _read_example(_read_json(version, SERVING_EXAMPLE), _read_json(version, about.example_path))
    if body is None:
        body = make_example(about.inputs)
    return json.dumps(body, indent=2, ensure_ascii=False) if body else ""


def _read_json(version: ModelVersion, path: str) -> Any:
    try:
        return json.loads(_read_file(version, path)) if path else None
    # A damaged or large example is no reason to refuse the page.
    except (Invalid, ValueError, RecursionError):
        return None


def _read_example(request: Any, data: Any) -> dict | None:
    if isinstance(request, dict):
        return request
    if isinstance(data, dict) and "data" in data:
        return {"dataframe_split": data}
    return None if data is None else {"inputs": data}


def make_example(columns: list[signatures.SignatureColumn]) -> dict | None:
    """The body of a request with a row for these inputs."""
    if not columns:
        return None
    if any(column.shape is not None for column in columns):
        tensors = {column.name: _make_tensor(list(column.shape or ())) for column in columns}
        return {"inputs": next(iter(tensors.values())) if len(tensors) == 1 else tensors}
    values = [EXAMPLES.get(column.kind) for column in columns]
    if all(column.name for column in columns):
        return {"dataframe_split": {"columns": [column.name for column in columns], "data": [values]}}
    return {"dataframe_split": {"data": [values]}}


def _make_tensor(shape: list[int], size: int = 1) -> Any:
    """Zeros of this shape; what has no fixed size, or is too large, has one part."""
    if not shape:
        return 0
    length = shape[0] if 0 < shape[0] * size <= MAX_TENSOR else 1
    return [_make_tensor(shape[1:], size * length) for _ in range(length)]
