"""Rules for what people write as the signature and the input example of a model, in the form of MLflow's file MLmodel."""

import json
from typing import Any

from studio.errors import Invalid
from studio.request_body import check_storable, load_json
from studio.rules import Rule

PARTS = INPUTS, OUTPUTS, PARAMS = "inputs", "outputs", "params"
MAX_COLUMNS, MAX_DEPTH, MAX_NAME, MAX_SIZES = 500, 8, 500, 10
MAX_EXAMPLE = 20_000
PLAIN = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
# A type made of others, with the key under which they are.
NESTED = {"array": "items", "map": "values", "object": "properties"}
KINDS = (*PLAIN, *NESTED, "any", "sparkml vector", "tensor")
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "str", "object", "bytes", "datetime64[ns]"),
)
# The types of the default of a parameter.
DEFAULTS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("integer", "long"), (int,)),
    **dict.fromkeys(("float", "double"), (int, float)),
    **dict.fromkeys(("string", "datetime"), (str,)),
    "boolean": (bool,),
}


def check_signature(value) -> dict[str, list[dict[str, Any]]]:
    """A signature with lists of columns, as they are stored; without parts that are empty."""
    if not isinstance(value, dict):
        raise _wrong("signature", f"it is an object with {', '.join(PARTS)}")
    if other := next((name for name in value if name not in PARTS), None):
        raise _wrong("signature", f"{str(other)[:60]!r} is not known; write {', '.join(PARTS)}")
    parts = {name: _read_part(name, value[name]) for name in PARTS if value.get(name)}
    for name, columns in parts.items():
        if name == PARAMS:
            _check_params(columns)
        else:
            _check_columns(name, columns)
    check_storable(parts, "signature")
    return {name: columns for name, columns in parts.items() if columns}


def _read_part(name: str, found) -> list[dict[str, Any]]:
    """MLflow writes the columns as JSON in a text."""
    columns = load_json(found, f"signature/{name}") if isinstance(found, str) else found
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise _wrong(name, 'write a list of columns, such as [{"type": "double", "name": "age", "required": true}]')
    if len(columns) > MAX_COLUMNS:
        raise _wrong(name, f"there are {len(columns)} columns; {MAX_COLUMNS} are allowed")
    return columns


def _check_columns(part: str, columns: list[dict[str, Any]]) -> None:
    for number, column in enumerate(columns):
        _check_type(f"{part}/{number}", column, ("name", "required", "optional"))
    tensors = [column["type"] == "tensor" for column in columns]
    named = ["name" in column for column in columns]
    if any(tensors) and not all(tensors):
        raise _wrong(part, "tensors and columns cannot be mixed")
    if any(named) and not all(named):
        raise _wrong(part, "either all columns have a name or none")
    if not all(named) and any(tensors) and len(columns) > 1:
        raise _wrong(part, "several tensors need names")
    if not all(named) and any(column.get("required") is False for column in columns):
        raise _wrong(part, "a column that may be missing needs a name")
    _check_names(part, columns)


def _check_names(part: str, columns: list[dict[str, Any]]) -> None:
    names = [column["name"] for column in columns if "name" in column]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _wrong(part, f"the name {twice[:60]!r} is written twice")


def _check_type(where: str, column, allowed: tuple[str, ...], depth: int = 0) -> None:
    """One column, or a type within one."""
    if not isinstance(column, dict):
        raise _wrong(where, 'write an object, such as {"type": "double"}')
    kind = column.get("type")
    if kind not in KINDS or depth > MAX_DEPTH:
        raise _wrong(f"{where}/type", f"{str(kind)[:60]!r} is not a type; write {', '.join(KINDS)}")
    inner = "tensor-spec" if kind == "tensor" else NESTED.get(kind, "")
    known = ("type", *allowed, *filter(None, [inner]))
    if other := next((name for name in column if name not in known), None):
        raise _wrong(where, f"{str(other)[:60]!r} is not known; write {', '.join(known)}")
    _check_fields(where, column)
    if kind == "tensor":
        _check_tensor(f"{where}/{inner}", column.get(inner))
    elif kind == "object":
        _check_properties(f"{where}/{inner}", column.get(inner), depth)
    elif inner:
        _check_type(f"{where}/{inner}", column.get(inner), ("required",), depth + 1)


def _check_fields(where: str, column: dict[str, Any]) -> None:
    if "name" in column and not (isinstance(column["name"], str) and 0 < len(column["name"]) <= MAX_NAME):
        raise _wrong(f"{where}/name", f"write a text of 1 to {MAX_NAME} characters")
    for name in ("required", "optional"):
        if not isinstance(column.get(name, True), bool):
            raise _wrong(f"{where}/{name}", "write true or false")


def _check_tensor(where: str, spec) -> None:
    if not isinstance(spec, dict) or set(spec) != {"dtype", "shape"}:
        raise _wrong(where, 'write an object such as {"dtype": "float64", "shape": [-1, 10]}')
    if spec["dtype"] not in DTYPES:
        raise _wrong(f"{where}/dtype", f"{str(spec['dtype'])[:60]!r} is not a type; write {', '.join(DTYPES)}")
    shape = spec["shape"]
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_SIZES
        or not all(type(size) is int and size >= -1 for size in shape)
    ):
        raise _wrong(f"{where}/shape", f"write up to {MAX_SIZES} whole numbers, with -1 for any size")


def _check_properties(where: str, found, depth: int) -> None:
    if not isinstance(found, dict) or not 0 < len(found) <= MAX_COLUMNS:
        raise _wrong(where, f"write an object with 1 to {MAX_COLUMNS} names and their types")
    for name, column in found.items():
        _check_type(f"{where}/{name[:60]}", column, ("required",), depth + 1)


def _check_params(params: list[dict[str, Any]]) -> None:
    for number, param in enumerate(params):
        where = f"{PARAMS}/{number}"
        if other := next((name for name in param if name not in ("name", "type", "default", "shape")), None):
            raise _wrong(where, f"{str(other)[:60]!r} is not known; write name, type, default, shape")
        if "name" not in param or "default" not in param:
            raise _wrong(where, "a parameter needs a name and a default")
        _check_fields(where, param)
        if param.get("type") not in tuple(DEFAULTS):
            raise _wrong(f"{where}/type", f"{str(param.get('type'))[:60]!r} is not a type; write {', '.join(DEFAULTS)}")
        if param.setdefault("shape", None) not in (None, [-1]):
            raise _wrong(f"{where}/shape", "write null, or [-1] for a list")
        _check_default(f"{where}/default", param)
    _check_names(PARAMS, params)


def _check_default(where: str, param: dict[str, Any]) -> None:
    default, types = param["default"], DEFAULTS[param["type"]]
    if param["shape"] and not isinstance(default, list):
        raise _wrong(where, "write a list")
    for one in default if param["shape"] else [default]:
        if one is not None and (not isinstance(one, types) or isinstance(one, bool) != (types == (bool,))):
            raise _wrong(where, f"{str(one)[:60]!r} is no value of the type {param['type']}")


def check_example(value) -> Any:
    """Any JSON that is not too long; a table needs as many values in each row as it has columns."""
    size = len(json.dumps(value, ensure_ascii=False))
    if size > MAX_EXAMPLE:
        raise _wrong("inputExample", f"it has {size:,} characters; {MAX_EXAMPLE:,} are allowed")
    check_storable(value, "inputExample")
    if not is_table(value):
        return value
    columns = value["columns"]
    for number, row in enumerate(value["data"], 1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise _wrong(
                "inputExample/data", f"row {number} is not a list of {len(columns)} values, one for each column"
            )
    return value


def is_table(value) -> bool:
    """Whether it has the form of pandas' `split`."""
    return (
        isinstance(value, dict)
        and set(value) - {"index"} == {"columns", "data"}
        and all(isinstance(value[name], list) for name in ("columns", "data"))
    )


def check_columns_of_example(example, signature: dict[str, list[dict[str, Any]]]) -> None:
    """A table has the columns that the signature requires."""
    if not is_table(example):
        return
    columns = [
        column for column in signature.get(INPUTS, []) if "name" in column and column.get("required") is not False
    ]
    if missing := next((column["name"] for column in columns if column["name"] not in example["columns"]), None):
        raise _wrong("inputExample/columns", f"the signature requires the column {missing[:60]!r}")


def _wrong(where: str, why: str) -> Invalid:
    return Invalid(f"{where}: {why}.", target=where)


SIGNATURE = Rule(check_signature, "signature", {"description": "Lists of columns: inputs, outputs, params."})
INPUT_EXAMPLE = Rule(check_example, "inputExample", {"description": f"JSON of up to {MAX_EXAMPLE:,} characters."})
