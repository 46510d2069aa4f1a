"""What is logged, as the server's JSON, and back: `get_metrics()` gives a bare value, a list or a dict of lists."""

from __future__ import annotations

import io
import json
import logging
import math
import numbers
import time
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from azureml.exceptions import AzureMLException, UserErrorException

logger = logging.getLogger("azureml")

Metric = Dict[str, Any]
IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg")
FILE_KINDS = ("image", "confusion_matrix", "residuals", "predictions", "accuracy_table")
MOST_AT_ONCE = 1000
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def scalar(name: str, value: Any, step: Optional[int] = None) -> Metric:
    if isinstance(value, (list, range)) or hasattr(value, "__next__"):
        raise UserErrorException(f"run.log takes one value, not a {type(value).__name__}; use run.log_list.")
    if step is not None and (isinstance(step, bool) or not isinstance(step, numbers.Integral)):
        raise UserErrorException(f"step={step!r} must be a whole number.")
    metric = _metric(name, "scalar", value=plain(value))
    return metric if step is None else dict(metric, step=int(step))


def value_list(name: str, values: Any) -> Metric:
    items = _items(values, f"run.log_list({name!r})")
    if not items:
        raise UserErrorException(f"The list logged as {name!r} is empty.")
    if any(_is_sequence(item) for item in items):
        raise AzureMLException(f"The list logged as {name!r} holds lists; only single values can be its elements.")
    return _metric(name, "list", value=[plain(item) for item in items])


def row(name: str, columns: Mapping[str, Any]) -> Metric:
    if not columns:
        raise UserErrorException(f"The row logged as {name!r} has no columns.")
    for column, value in columns.items():
        if _is_sequence(value):
            raise AzureMLException(f"Column {column!r} of the row {name!r} is a list; use run.log_table for several.")
    return _metric(name, "table", rows=[{str(column): plain(value) for column, value in columns.items()}])


def table(name: str, columns: Any) -> Metric:
    if not isinstance(columns, Mapping):
        raise UserErrorException(f"run.log_table takes a dict of lists, not {type(columns).__name__}.")
    lists = {
        str(column): _items(values, f"column {column!r}") if _is_sequence(values) else [values]
        for column, values in columns.items()
    }
    lengths = {len(values) for values in lists.values()}
    if len(lengths) > 1:
        raise AzureMLException(f"The columns of the table {name!r} must have one length, not {sorted(lengths)}.")
    if not lengths or lengths == {0}:
        raise UserErrorException(f"The table logged as {name!r} is empty.")
    rows = [dict(zip(lists, values)) for values in zip(*lists.values())]
    return _metric(name, "table", rows=[{key: plain(value) for key, value in line.items()} for line in rows])


def pieces(metric: Metric) -> Iterator[Metric]:
    """A long list or table in parts: those of one name are joined again by the server."""
    key = "rows" if metric["kind"] == "table" else "value"
    values = metric[key]
    if metric["kind"] not in ("list", "table") or len(values) <= MOST_AT_ONCE:
        yield metric
        return
    for start in range(0, len(values), MOST_AT_ONCE):
        yield {**metric, key: values[start : start + MOST_AT_ONCE]}


def file_backed(name: str, kind: str, path: str) -> Metric:
    """A metric whose content is the artifact `path`."""
    return _metric(name, kind, value=path)


def image_source(name: str, path: Optional[str], plot: Any) -> Tuple[str, Union[str, bytes]]:
    """Where an image is stored, and its file or its bytes."""
    if (path is None) == (plot is None):
        raise AzureMLException("run.log_image takes exactly one of path and plot.")
    if plot is not None:
        # Of the millisecond: a loop may log several within a second.
        return f"{name}_{time.time_ns() // 1_000_000}.png", _picture(plot)
    if not str(path).lower().endswith(IMAGE_TYPES):
        raise AzureMLException(f"{path!r} is no image file. Allowed: {', '.join(IMAGE_TYPES)}.")
    return str(path), str(path)


def _picture(plot: Any) -> bytes:
    if not hasattr(plot, "savefig"):
        raise AzureMLException(
            f"plot must have a savefig method, as matplotlib's have; {type(plot).__name__} has none."
        )
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png")
    return buffer.getvalue()


def json_text(value: Union[str, Mapping[str, Any]], what: str) -> str:
    """The JSON that a confusion matrix and its like are given as: a dict, or a text."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError as error:
            raise UserErrorException(f"The {what} is not JSON: {error}", inner_exception=error) from error
        return value
    if not isinstance(value, Mapping):
        raise UserErrorException(f"The {what} must be a dict or a JSON text, not {type(value).__name__}.")
    return json.dumps(_plain_tree(value))


def plain(value: Any) -> Any:
    """A value that JSON can carry; numpy's numbers become Python's, NaN and infinities become texts."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 and not isinstance(value, (str, bytes)):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return _plain_float(float(value))
    logger.warning("A value of type %s is logged as its text.", type(value).__name__)
    return repr(value)


def _plain_float(value: float) -> Union[float, str]:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _plain_tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_tree(item) for key, item in value.items()}
    if _is_sequence(value):
        return [_plain_tree(item) for item in _items(value, "the JSON")]
    return plain(value)


def _metric(name: str, kind: str, **content: Any) -> Metric:
    if not isinstance(name, str) or not name:
        raise UserErrorException(f"A metric needs a name, a text of at least one letter; {name!r} is none.")
    return dict(name=name, kind=kind, time=int(time.time() * 1000), **content)


def _is_sequence(value: Any) -> bool:
    if isinstance(value, (str, bytes, Mapping)):
        return False
    return isinstance(value, (list, tuple, set, range)) or getattr(value, "ndim", 0) > 0


def _items(values: Any, what: str) -> List[Any]:
    if hasattr(values, "tolist") and getattr(values, "ndim", 0) > 0:
        values = values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UserErrorException(f"{what} takes a list, not {type(values).__name__}.")
    return list(values)


def decode(series: Mapping[str, Any]) -> Any:
    """One series of the server, as `get_metrics()` shows it."""
    values, kind = series["values"], series["kind"]
    if kind in FILE_KINDS:
        return values[0]
    if kind == "table":
        return _decode_rows(values)
    values = [_number(value) for value in values]
    return values[0] if len(values) == 1 else values


def _decode_rows(rows: List[Mapping[str, Any]]) -> Dict[str, Any]:
    if len(rows) == 1:
        return {column: _number(value) for column, value in rows[0].items()}
    columns = dict.fromkeys(column for line in rows for column in line)
    return {column: [_number(line.get(column)) for line in rows] for column in columns}


def _number(value: Any) -> Any:
    return _FLOATS.get(value, value) if isinstance(value, str) else value
