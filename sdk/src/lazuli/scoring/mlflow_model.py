"""An MLflow model without an entry script: `mlflow.pyfunc` loads it, and requests follow MLflow's scoring protocol."""

from __future__ import annotations

import base64
import importlib
import json
import os
from typing import Any, Dict, List, Tuple

from lazuli.scoring.entry_script import BadEntryScript, BadRequest, EntryScript
from lazuli.scoring.messages import Request, Response

Json = Dict[str, Any]
FILE = "MLmodel"
PROTOCOL = ("dataframe_split", "dataframe_records", "instances", "inputs")
# Azure's names of the input, whose format is recognized by its value.
RECOGNIZED = ("input_data", "data")
NUMBERS = ("integer", "long", "float", "double")


class MlflowModel(EntryScript):
    """Used by the server as an entry script."""

    def __init__(self, folder: str):
        self.path = find_model(folder)
        self.module, self.takes_raw = None, False
        self.input_schema, self.output_schema = None, None

    def start(self) -> None:
        """Load the model. What it raises passes through."""
        try:
            pyfunc = importlib.import_module("mlflow.pyfunc")
            self._protocol = importlib.import_module("mlflow.utils.proto_json_utils")
            self._error = importlib.import_module("mlflow.exceptions").MlflowException
        except ImportError as error:
            raise BadEntryScript(
                f"The environment of this service cannot load MLflow models: {error}. Add mlflow, or mlflow-skinny, "
                "pandas and numpy, to the model's conda.yaml or requirements.txt."
            ) from error
        self._model = pyfunc.load_model(self.path)
        metadata = self._model.metadata
        self._inputs = metadata.get_input_schema()
        outputs = metadata.get_output_schema()
        self._columns: List[Json] = self._inputs.to_dict() if self._inputs else []
        self.input_schema = describe_input(self._columns)
        self.output_schema = describe_output(outputs.to_dict() if outputs else [])

    def run(self, request: Request) -> Response:
        """The predictions for one request. Raises BadRequest if the input does not fit the signature."""
        given = _read_object(request)
        params = given.pop("params", None)
        data = self._read_input(given)
        try:
            # Older versions of mlflow have no parameters.
            predictions = self._model.predict(data) if params is None else self._model.predict(data, params=params)
        except self._error as error:
            if error.get_http_status_code() != 400:
                raise
            raise _make_refusal(error) from error
        return Response({"predictions": make_plain(predictions)})

    def _read_input(self, given: Json) -> Any:
        """The input as the model takes it, with the types of the signature."""
        names = [name for name in given if name in PROTOCOL + RECOGNIZED]
        if len(names) != 1 or len(given) != 1:
            raise BadRequest(
                f"The body has {', '.join(given)[:200] or 'no fields'}. Send exactly one of "
                f"{', '.join(PROTOCOL + RECOGNIZED)}, and params if the model has parameters."
            )
        name, value = names[0], given[names[0]]
        if name in RECOGNIZED:
            name, value = recognize_format(value, [column["name"] for column in self._columns if "name" in column])
        try:
            if name.startswith("dataframe_"):
                return self._protocol.dataframe_from_parsed_json(value, name[len("dataframe_") :], self._inputs)
            return self._protocol.parse_tf_serving_input({name: value}, self._inputs)
        # MLflow converts by pandas and numpy, which raise these for values of another type or shape.
        except (self._error, ValueError, TypeError, KeyError, OverflowError) as error:
            raise _make_refusal(error) from error


def find_model(folder: str) -> str:
    """The folder with the file MLmodel: this one, or one directly below it."""
    below = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for path in [folder, *(os.path.join(folder, name) for name in below)]:
        if os.path.isfile(os.path.join(path, FILE)):
            return path
    raise BadEntryScript(f"There is no MLflow model in {folder!r}: no file {FILE}.")


def _read_object(request: Request) -> Json:
    if request.method != "POST":
        raise BadRequest("Send the input as JSON with POST.", 405)
    try:
        given = json.loads(request.data or b"null")
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise BadRequest('The body must be a JSON object, such as {"dataframe_split": {"columns": […], "data": […]}}.')
    return given


def recognize_format(value: Any, columns: List[str]) -> Tuple[str, Any]:
    """The format of Azure's `input_data`: a table, records, named values, or values in the order of the signature."""
    if isinstance(value, dict) and "data" in value and set(value) <= {"columns", "index", "data"}:
        return "dataframe_split", {"columns": columns, **value} if columns else value
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return "dataframe_records", value
    if isinstance(value, list) and columns:
        return "dataframe_split", {"columns": columns, "data": value}
    return "inputs", value


def _make_refusal(error: Exception) -> BadRequest:
    return BadRequest(f"The input does not fit the model's signature: {str(error).strip()[:1000]}")


def make_plain(value: Any) -> Any:
    """Tables, arrays and numbers of pandas and numpy as JSON; a table as its records."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict(orient="records")
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): make_plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else value


# ---- its description


def describe_input(columns: List[Json]) -> Json:
    """The JSON schema of a request, from the signature."""
    if any("tensor-spec" in column for column in columns):
        return _wrap("inputs", _describe_values(columns))
    if columns and all("name" in column for column in columns):
        return _wrap("dataframe_records", {"type": "array", "items": _describe_record(columns)})
    return {"type": "object", "properties": {name: {} for name in PROTOCOL}}


def describe_output(columns: List[Json]) -> Json:
    if len(columns) > 1 and all("name" in column for column in columns):
        return _wrap("predictions", {"type": "array", "items": _describe_record(columns)})
    return _wrap("predictions", {"type": "array", "items": {}})


def _wrap(name: str, schema: Json) -> Json:
    return {"type": "object", "required": [name], "properties": {name: schema}}


def _describe_values(columns: List[Json]) -> Json:
    if len(columns) == 1:
        return {"type": "array", "items": {}}
    named = {str(column.get("name")): {"type": "array", "items": {}} for column in columns}
    return {"type": "object", "properties": named}


def _describe_record(columns: List[Json]) -> Json:
    required = [column["name"] for column in columns if column.get("required", True)]
    record: Json = {
        "type": "object",
        "properties": {column["name"]: _describe_type(column.get("type")) for column in columns},
    }
    return {**record, "required": required} if required else record


def _describe_type(kind: Any) -> Json:
    if kind in NUMBERS:
        return {"type": "integer" if kind in NUMBERS[:2] else "number"}
    return {"boolean": {"type": "boolean"}, "datetime": {"type": "string", "format": "date-time"}}.get(
        str(kind), {"type": "string"} if kind in ("string", "binary") else {}
    )
