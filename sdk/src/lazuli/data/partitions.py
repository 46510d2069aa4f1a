"""`partition_format`: columns from the paths of files, such as `/{country}/{when:yyyy/MM/dd}/x.csv`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Dict, List, Tuple

from lazuli.data.errors import DatasetExecutionError, DatasetValidationError

_KEY = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")
# The letters of dates, with their strptime codes and patterns.
_LETTERS = {
    "yyyy": ("%Y", r"\d{4}"),
    "MM": ("%m", r"\d{2}"),
    "dd": ("%d", r"\d{2}"),
    "HH": ("%H", r"\d{2}"),
    "mm": ("%M", r"\d{2}"),
    "ss": ("%S", r"\d{2}"),
}
_STEPS = {
    "%S": dt.timedelta(seconds=1),
    "%M": dt.timedelta(minutes=1),
    "%H": dt.timedelta(hours=1),
    "%d": dt.timedelta(days=1),
    "%m": dt.timedelta(days=31),
    "%Y": dt.timedelta(days=366),
}
_DATE = re.compile("yyyy|MM|dd|HH|mm|ss")


class PartitionFormat:
    """`names` are the columns, each with whether it is a datetime."""

    def __init__(self, text: str):
        keys = list(_KEY.finditer(text))
        if not keys:
            raise DatasetValidationError(
                f"partition_format {text!r} has no key: write for example '/{{country}}/{{when:yyyy/MM/dd}}/data.csv'."
            )
        self.text = text
        self._codes: Dict[str, str] = {}
        self.names: List[Tuple[str, bool]] = []
        pattern, end = "", keys[0].start()
        for key in keys:
            name, date = key[1].strip(), key[2]
            pattern += _literal(text[end : key.start()])
            group = f"key{len(self.names)}"
            if date is None:
                pattern += f"(?P<{group}>[^/]+?)"
            else:
                pattern += f"(?P<{group}>{_date_pattern(date, text)})"
                self._codes[group] = _DATE.sub(lambda found: _LETTERS[found[0]][0], date.replace("%", "%%"))
            self.names.append((name, date is not None))
            end = key.end()
        # What follows the last key may be a name with an asterisk.
        pattern += _literal(text[end:])
        start = text[: keys[0].start()]
        self._pattern = re.compile((_literal(start) if start.strip("/") else "(?:^|/)") + pattern + "$")

    def step_of(self, name: str) -> dt.timedelta:
        """The maximum time that the smallest unit of a date covers."""
        group = next((f"key{number}" for number, (column, _) in enumerate(self.names) if column == name), "")
        codes = self._codes.get(group, "")
        return next((step for code, step in _STEPS.items() if code in codes), _STEPS["%Y"])

    def read(self, path: str) -> Dict[str, Any]:
        """The values of a path; text, or datetime. Raises DatasetExecutionError for a path of another form."""
        found = self._pattern.search("/" + path.lstrip("/"))
        if found is None:
            raise DatasetExecutionError(f"The path {path!r} does not have the partition_format {self.text!r}.")
        values: Dict[str, Any] = {}
        for number, (name, is_date) in enumerate(self.names):
            group = f"key{number}"
            text = found[group]
            try:
                values[name] = dt.datetime.strptime(text, self._codes[group]) if is_date else text
            except ValueError as error:
                raise DatasetExecutionError(f"{text!r} in the path {path!r} is not a date.") from error
        return values


def _literal(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in text.split("*"))


def _date_pattern(date: str, text: str) -> str:
    if not _DATE.search(date):
        raise DatasetValidationError(f"{date!r} in partition_format {text!r} is not a date such as yyyy/MM/dd.")
    pieces, end = [], 0
    for found in _DATE.finditer(date):
        pieces += [re.escape(date[end : found.start()]), _LETTERS[found[0]][1]]
        end = found.end()
    return "".join([*pieces, re.escape(date[end:])])
