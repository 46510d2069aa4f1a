"""Logged values as the JSON that the server stores, and back to what `get_metrics()` returns."""

from __future__ import annotations

import io
import json
import logging
import math
import numbers
import time
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from lazuli.errors import AzureMLException, UserErrorException

logger = logging.getLogger("azureml")

Metric = Dict[str, Any]
IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".svg")
FILE_KINDS = ("image", "confusion_matrix", "residuals", "predictions", "accuracy_table")
MAX_VALUES_PER_METRIC = 1000
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def scalar_metric(name: str, value: Any, step: Optional[int] = None) -> Metric:
    """Raises UserErrorException for a list, or a step that is not a whole number."""
    if isinstance(value, (list, range)) or hasattr(value, "__next__"):
        raise UserErrorException(f"run.log takes one value, not a {type(value).__name__}; use run.log_list.")
    if step is not None and (isinstance(step, bool) or not isinstance(step, numbers.Integral)):
        raise UserErrorException(f"step={step!r} must be a whole number.")
    metric = _make_metric(name, "scalar", value=to_json_value(value))
    return metric if step is None else dict(metric, step=int(step))


def list_metric(name: str, values: Any) -> Metric:
    items = _to_list(values, f"run.log_list({name!r})")
    if not items:
        raise UserErrorException(f"The list logged as {name!r} is empty.")
    if any(_is_sequence(item) for item in items):
        raise AzureMLException(f"The list logged as {name!r} contains lists; its elements must be single values.")
    return _make_metric(name, "list", value=[to_json_value(item) for item in items])


def row_metric(name: str, columns: Mapping[str, Any]) -> Metric:
    if not columns:
        raise UserErrorException(f"The row logged as {name!r} has no columns.")
    for column, value in columns.items():
        if _is_sequence(value):
            raise AzureMLException(f"Column {column!r} of the row {name!r} is a list; use run.log_table for several.")
    return _make_metric(name, "table", rows=[{str(column): to_json_value(value) for column, value in columns.items()}])


def table_metric(name: str, columns: Any) -> Metric:
    if not isinstance(columns, Mapping):
        raise UserErrorException(f"run.log_table takes a dict of lists, not {type(columns).__name__}.")
    lists = {
        str(column): _to_list(values, f"column {column!r}") if _is_sequence(values) else [values]
        for column, values in columns.items()
    }
    lengths = {len(values) for values in lists.values()}
    if len(lengths) > 1:
        raise AzureMLException(
            f"The columns of the table {name!r} must have the same length; they have {sorted(lengths)}."
        )
    if not lengths or lengths == {0}:
        raise UserErrorException(f"The table logged as {name!r} is empty.")
    rows = [dict(zip(lists, values)) for values in zip(*lists.values())]
    return _make_metric(
        name, "table", rows=[{key: to_json_value(value) for key, value in line.items()} for line in rows]
    )


def split_metric(metric: Metric) -> Iterator[Metric]:
    """A long list or table in parts of at most 1,000 values; the server joins those of one name."""
    key = "rows" if metric["kind"] == "table" else "value"
    values = metric[key]
    if metric["kind"] not in ("list", "table") or len(values) <= MAX_VALUES_PER_METRIC:
        yield metric
        return
    for start in range(0, len(values), MAX_VALUES_PER_METRIC):
        yield {**metric, key: values[start : start + MAX_VALUES_PER_METRIC]}


def file_metric(name: str, kind: str, path: str) -> Metric:
    """A metric whose content is the artifact `path`."""
    return _make_metric(name, kind, value=path)


def read_image(name: str, path: Optional[str], plot: Any) -> Tuple[str, Union[str, bytes]]:
    """The name under which an image is stored, and the path of its file or its bytes (PNG).

    Raises AzureMLException unless exactly one of `path` and `plot` is given and is an image.
    """
    if (path is None) == (plot is None):
        raise AzureMLException("run.log_image takes exactly one of path and plot.")
    if plot is not None:
        # In milliseconds: a loop may log several within a second.
        return f"{name}_{time.time_ns() // 1_000_000}.png", _render_plot(plot)
    if not str(path).lower().endswith(IMAGE_TYPES):
        raise AzureMLException(f"{path!r} is not an image file. Allowed: {', '.join(IMAGE_TYPES)}.")
    return str(path), str(path)


def _render_plot(plot: Any) -> bytes:
    if not hasattr(plot, "savefig"):
        raise AzureMLException(
            f"plot must have a savefig method, as matplotlib figures do; {type(plot).__name__} has none."
        )
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png")
    return buffer.getvalue()


def encode_json_text(value: Union[str, Mapping[str, Any]], what: str) -> str:
    """The JSON text of a confusion matrix or the like, given as a dict or as JSON text.

    `what` names it in the error. Raises UserErrorException if it is neither.
    """
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError as error:
            raise UserErrorException(f"The {what} is not JSON: {error}", inner_exception=error) from error
        return value
    if not isinstance(value, Mapping):
        raise UserErrorException(f"The {what} must be a dict or a JSON text, not {type(value).__name__}.")
    return json.dumps(_to_json_tree(value))


def to_json_value(value: Any) -> Any:
    """A value that JSON can hold; numpy numbers become Python's, NaN and infinities become texts."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 and not isinstance(value, (str, bytes)):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return _to_json_float(float(value))
    logger.warning("A value of type %s is logged as text.", type(value).__name__)
    return repr(value)


def _to_json_float(value: float) -> Union[float, str]:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _to_json_tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _to_json_tree(item) for key, item in value.items()}
    if _is_sequence(value):
        return [_to_json_tree(item) for item in _to_list(value, "the JSON")]
    return to_json_value(value)


def _make_metric(name: str, kind: str, **content: Any) -> Metric:
    if not isinstance(name, str) or not name:
        raise UserErrorException(f"The name of a metric must be a non-empty string, not {name!r}.")
    return dict(name=name, kind=kind, time=int(time.time() * 1000), **content)


def _is_sequence(value: Any) -> bool:
    if isinstance(value, (str, bytes, Mapping)):
        return False
    return isinstance(value, (list, tuple, set, range)) or getattr(value, "ndim", 0) > 0


def _to_list(values: Any, what: str) -> List[Any]:
    if hasattr(values, "tolist") and getattr(values, "ndim", 0) > 0:
        values = values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UserErrorException(f"{what} takes a list, not {type(values).__name__}.")
    return list(values)


def decode_series(series: Mapping[str, Any]) -> Any:
    """One series from the server as `get_metrics()` returns it: a single value, a list, or for a table a dict of lists."""
    values, kind = series["values"], series["kind"]
    if kind in FILE_KINDS:
        return values[0]
    if kind == "table":
        return _decode_rows(values)
    values = [_parse_number(value) for value in values]
    return values[0] if len(values) == 1 else values


def _decode_rows(rows: List[Mapping[str, Any]]) -> Dict[str, Any]:
    if len(rows) == 1:
        return {column: _parse_number(value) for column, value in rows[0].items()}
    columns = dict.fromkeys(column for line in rows for column in line)
    return {column: [_parse_number(line.get(column)) for line in rows] for column in columns}


def _parse_number(value: Any) -> Any:
    return _FLOATS.get(value, value) if isinstance(value, str) else value
