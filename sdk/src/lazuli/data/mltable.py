"""MLTable files: the paths and transformations of a v2 table as the definition of a dataset."""

from __future__ import annotations

import ast
import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from lazuli.data.definitions import ENCODINGS, check_definition
from lazuli.data.errors import DatasetValidationError

Json = Dict[str, Any]
FILE_NAME = "MLTable"
MAX_BYTES = 64 * 1024
HEADERS = {"no_header": 0, "from_first_file": 1, "all_files_different_headers": 2, "all_files_same_headers": 3}
TYPES = {"string": "string", "int": "long", "int64": "long", "long": "long", "float": "float", "double": "float"}
TYPES.update({"boolean": "bool", "bool": "bool", "datetime": "datetime"})
DATASTORE_URI = re.compile(r"azureml://(?:.*/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)")


def read_mltable(content: Any, datastore: str, folder: str) -> Json:
    """The definition of the parsed YAML; relative paths are below the folder of the file. Raises DatasetValidationError."""
    if not isinstance(content, dict):
        raise _wrong("it must be an object with `paths` and `transformations`")
    paths = content.get("paths")
    if not isinstance(paths, list) or not paths:
        raise _wrong("`paths` must be a list of file, folder or pattern")
    found = [_read_path(item, datastore, folder.strip("/")) for item in paths]
    steps: List[Json] = []
    transformations = content.get("transformations") or []
    if not isinstance(transformations, list):
        raise _wrong("`transformations` must be a list")
    for number, item in enumerate(transformations):
        name, values = _split(item, number)
        if name not in _READ:
            raise _wrong(f"the transformation {name!r} is not available; there are {', '.join(_READ)}")
        _READ[name](values, steps)
    kind = "tabular" if steps and steps[0]["type"].startswith("read_") else "file"
    return check_definition({"kind": kind, "paths": found, "steps": steps})


def infers_types(content: Mapping[str, Any]) -> bool:
    """Whether the types of text columns are those of the first rows."""
    for item in content.get("transformations") or []:
        if isinstance(item, dict) and isinstance(item.get("read_delimited"), dict):
            return item["read_delimited"].get("infer_column_types", True) is not False
    return True


def _read_path(item: Any, datastore: str, folder: str) -> Dict[str, str]:
    words = [item[key] for key in ("file", "folder", "pattern") if isinstance(item, dict) and key in item]
    if len(words) != 1 or not isinstance(words[0], str):
        raise _wrong("each path has one of file, folder and pattern")
    text = words[0]
    if text.startswith(("http://", "https://")):
        return {"url": text}
    address = DATASTORE_URI.fullmatch(text)
    if address:
        return {"datastore": address["datastore"], "path": address["path"].strip("/")}
    inside = text[2:] if text.startswith("./") else text
    if "://" in inside or inside.startswith("/"):
        raise _wrong(f"the path {text[:200]!r} is neither relative nor in a datastore")
    return {"datastore": datastore, "path": "/".join(part for part in (folder, inside.strip("/")) if part)}


def _split(item: Any, number: int) -> "tuple[str, Any]":
    if isinstance(item, str):
        return item, None
    if isinstance(item, dict) and len(item) == 1:
        name, values = next(iter(item.items()))
        return str(name), values
    raise _wrong(f"transformation {number + 1} must be a name, or a name with its values")


def _read_delimited(values: Any, steps: List[Json]) -> None:
    given = _object(values, "read_delimited")
    header = str(given.get("header", "all_files_same_headers"))
    if header not in HEADERS:
        raise _wrong(f"header is {header!r}; write {', '.join(HEADERS)}")
    encoding = str(given.get("encoding", "utf8")).lower().replace("-", "").replace("_", "")
    if encoding not in ENCODINGS:
        raise _wrong(f"encoding is {encoding!r}; write {', '.join(ENCODINGS)}")
    _start(
        steps,
        {
            "type": "read_delimited",
            "separator": given.get("delimiter", ","),
            "header": HEADERS[header],
            "encoding": encoding,
            "multi_line": bool(given.get("support_multi_line", False)),
            "empty_as_string": bool(given.get("empty_as_string", False)),
            "include_path": bool(given.get("include_path_column", False)),
        },
    )


def _read_parquet(values: Any, steps: List[Json]) -> None:
    given = _object(values, "read_parquet")
    _start(steps, {"type": "read_parquet", "include_path": bool(given.get("include_path_column", False))})


def _read_json_lines(values: Any, steps: List[Json]) -> None:
    given = _object(values, "read_json_lines")
    lines = str(given.get("invalid_lines", "error"))
    _start(steps, {"type": "read_json_lines", "invalid_lines": lines})


def _start(steps: List[Json], step: Json) -> None:
    if steps:
        raise _wrong("the transformation that reads the files must be the first one")
    steps.append(step)


def _reader_of(steps: List[Json], name: str) -> Json:
    if not steps or not steps[0]["type"].startswith("read_"):
        raise _wrong(f"{name} comes after the transformation that reads the files")
    return steps[0]


def _convert(values: Any, steps: List[Json]) -> None:
    reader = _reader_of(steps, "convert_column_types")
    for item in values if isinstance(values, list) else [values]:
        given = _object(item, "convert_column_types")
        kind, formats = given.get("column_type"), None
        if isinstance(kind, dict) and len(kind) == 1:
            kind, more = next(iter(kind.items()))
            formats = _object(more, "column_type").get("formats")
        if kind not in TYPES:
            raise _wrong(f"the column_type {str(kind)[:60]!r} is not one of {', '.join(TYPES)}")
        columns = given.get("columns")
        for name in columns if isinstance(columns, list) else [columns]:
            found: Json = {"type": TYPES[str(kind)]}
            if formats:
                found["formats"] = formats if isinstance(formats, list) else [formats]
            reader.setdefault("column_types", {})[str(name)] = found


def _partition(values: Any, steps: List[Json]) -> None:
    given = _object(values, "extract_columns_from_partition_format")
    _reader_of(steps, "extract_columns_from_partition_format")["partition_format"] = given.get("partition_format")


def _columns(kind: str) -> Callable[[Any, List[Json]], None]:
    def add(values: Any, steps: List[Json]) -> None:
        steps.append({"type": kind, "columns": values if isinstance(values, list) else [values]})

    return add


def _count(kind: str) -> Callable[[Any, List[Json]], None]:
    def add(values: Any, steps: List[Json]) -> None:
        steps.append({"type": kind, "count": values})

    return add


def _sample(values: Any, steps: List[Json]) -> None:
    given = _object(values, "take_random_sample")
    steps.append({"type": "sample", "probability": given.get("probability"), "seed": given.get("seed", 0)})


def _filter(values: Any, steps: List[Json]) -> None:
    """An expression as Azure's: `col("age") > 15 and not col("name") == "x"`."""
    try:
        tree = ast.parse(str(values).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _wrong(f'the filter {str(values)[:200]!r} is not an expression such as col("age") > 15') from error
    steps.append({"type": "filter", "expression": _expression(tree)})


_COMPARISONS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Gt: "gt", ast.GtE: "ge", ast.Lt: "lt", ast.LtE: "le"}


def _expression(node: ast.AST) -> Json:
    if isinstance(node, ast.BoolOp):
        op, (first, *rest) = "and" if isinstance(node.op, ast.And) else "or", map(_expression, node.values)
        for part in rest:
            first = {"op": op, "of": [first, part]}
        return first
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return {"op": "not", "of": [_expression(node.operand)]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return {"value": -node.operand.value} if isinstance(node.operand.value, (int, float)) else _refuse(node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        sides = [_expression(node.left), _expression(node.comparators[0])]
        return {"op": _COMPARISONS[type(node.ops[0])], "of": sides}
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "col" and len(node.args) == 1:
        name = getattr(node.args[0], "value", None)
        return {"column": name} if isinstance(name, str) else _refuse(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, bool, type(None))):
        return {"value": node.value}
    return _refuse(node)


def _refuse(node: ast.AST) -> Json:
    raise _wrong(
        f'a filter has col("name"), values, comparisons, and, or and not; {type(node).__name__} is not allowed '
        f"(column {getattr(node, 'col_offset', 0) + 1})"
    )


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"the values of {name} must be an object")
    return value


def _wrong(text: str, path: Optional[str] = None) -> DatasetValidationError:
    return DatasetValidationError(f"The MLTable file cannot be read: {text}.", path or "")


_READ: Dict[str, Callable[[Any, List[Json]], None]] = {
    "read_delimited": _read_delimited,
    "read_parquet": _read_parquet,
    "read_json_lines": _read_json_lines,
    "convert_column_types": _convert,
    "extract_columns_from_partition_format": _partition,
    "keep_columns": _columns("keep_columns"),
    "drop_columns": _columns("drop_columns"),
    "filter": _filter,
    "take": _count("take"),
    "skip": _count("skip"),
    "take_random_sample": _sample,
}
