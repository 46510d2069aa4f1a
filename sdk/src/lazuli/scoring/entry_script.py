"""An entry script: loaded from its file, `init()` called once, and `run` for each request."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Dict, Optional

from lazuli.scoring.messages import RAW_MARK, Request, Response

TREE_LINES = 200


class BadEntryScript(Exception):
    """The script has no `init` or `run`, or cannot be found."""


class BadRequest(Exception):
    """The body is not what `run` takes."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status


class EntryScript:
    def __init__(self, path: str):
        if not os.path.isfile(path):
            raise BadEntryScript(f"There is no entry script {path}.")
        self.path = os.path.abspath(path)
        self.module: Optional[ModuleType] = None
        self.takes_raw = False
        self.input_schema: Optional[Dict[str, Any]] = None
        self.output_schema: Optional[Dict[str, Any]] = None

    def start(self) -> None:
        """Load it and call `init()`. What they raise passes through."""
        folder = os.path.dirname(self.path)
        for path in (folder, os.getcwd()):
            if path not in sys.path:
                sys.path.insert(0, path)
        spec = importlib.util.spec_from_file_location("entry_module", self.path)
        assert spec is not None and spec.loader is not None
        self.module = importlib.util.module_from_spec(spec)
        sys.modules["entry_module"] = self.module
        spec.loader.exec_module(self.module)
        for name in ("init", "run"):
            if not callable(getattr(self.module, name, None)):
                raise BadEntryScript(f"The entry script {os.path.basename(self.path)} has no function {name}().")
        self.takes_raw = bool(getattr(self.module.run, RAW_MARK, False))
        self._read_schema()
        self.module.init()

    def _read_schema(self) -> None:
        """Read the schema of the decorators of the package inference-schema, if the script has imported it."""
        schemas = sys.modules.get("inference_schema.schema_util")
        run = getattr(self.module, "run", None)
        if schemas is None or not schemas.is_schema_decorated(run):
            return
        if self.takes_raw:
            raise BadEntryScript("run() has both rawhttp and a schema; use one of them.")
        self.input_schema, self.output_schema = schemas.get_input_schema(run), schemas.get_output_schema(run)

    def find_example(self) -> Dict[str, Any]:
        """The parameters of `run` with the samples of the schema; empty if one has none."""
        properties = (self.input_schema or {}).get("properties", {})
        found = {name: part["example"] for name, part in properties.items() if "example" in part}
        return found if len(found) == len(properties) else {}

    def run(self, request: Request) -> Response:
        """The answer to one request. Raises BadRequest, or what `run` raises."""
        assert self.module is not None
        if self.takes_raw:
            result = self.module.run(request)
        elif self.input_schema is not None:
            result = self.module.run(**_read_parameters(request, self.input_schema))
        else:
            result = self.module.run(_read_text(request))
        return _make_response(result)


def _read_text(request: Request) -> str:
    if request.method == "GET":
        return json.dumps(request.args)
    try:
        return request.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 text: {error}.") from error


def _read_parameters(request: Request, schema: Dict[str, Any]) -> Dict[str, Any]:
    if request.method == "GET":
        given: Any = dict(request.args)
    else:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise BadRequest("Send the body as application/json.", 415)
        try:
            given = json.loads(request.data or b"null")
        except ValueError as error:
            raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(given, dict) or not given:
        raise BadRequest("The body must be a JSON object with the parameters of run().")
    names = schema.get("properties", {})
    by_lower = {name.lower(): value for name, value in given.items()}
    missing = [name for name in names if name.lower() not in by_lower]
    if missing:
        raise BadRequest(f"The body lacks {', '.join(missing)}.")
    return {name: by_lower[name.lower()] for name in names}


def _make_response(result: Any) -> Response:
    if isinstance(result, Response):
        return result
    # A result that is no JSON is a fault of the script: TypeError.
    return Response({} if result is None else result)


def describe_failure(error: BaseException) -> str:
    """The traceback from the entry script on, and the files of the model."""
    steps = error.__traceback__
    while steps is not None and _is_own(steps.tb_frame.f_code.co_filename):
        steps = steps.tb_next
    text = "".join(traceback.format_exception(type(error), error, steps or error.__traceback__))
    folder = os.environ.get("AZUREML_MODEL_DIR")
    return f"{text}\nFiles of AZUREML_MODEL_DIR ({folder}):\n{list_tree(folder)}" if folder else text


def _is_own(path: str) -> bool:
    return os.path.dirname(path) == os.path.dirname(__file__) or path.startswith("<frozen importlib")


def list_tree(folder: str) -> str:
    lines = []
    for path, folders, files in os.walk(folder):
        folders.sort()
        below = os.path.relpath(path, folder)
        lines += [os.path.normpath(os.path.join(below, name)) for name in sorted(files)]
        if len(lines) >= TREE_LINES:
            return "\n".join([*lines[:TREE_LINES], "…"])
    return "\n".join(lines) or "(no files)"
