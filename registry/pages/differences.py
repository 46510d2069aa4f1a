"""The differences of two versions of a model: attributes, metrics, parameters, signature, files."""

import dataclasses
from collections.abc import Callable
from typing import Any

from registry import signatures, version_files
from registry.models import ModelVersion, promotion
from studio.formats import MINUS, format_exact, format_given, format_labels, format_number

# Files of the same size are compared by their bytes, if they are small and not too many.
MAX_COMPARED_BYTES, MAX_COMPARED_FILES = 256 * 1024, 100
MAX_FILES = 2_000


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    left: Any
    right: Any
    note: str = ""
    # Left and right as they are stored, where numbers are shown in short.
    exact: tuple[str, str] = ("", "")

    @property
    def is_equal(self) -> bool:
        return self.left == self.right and not self.note


@dataclasses.dataclass(frozen=True)
class DifferenceSection:
    title: str
    rows: list[Row]
    note: str = ""

    @property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if not row.is_equal]


def compare_versions(left: ModelVersion, right: ModelVersion) -> list[DifferenceSection]:
    files = version_files.files_of(left), version_files.files_of(right)
    about = signatures.read_description(files[0]), signatures.read_description(files[1])
    return [
        DifferenceSection("Attributes", _rows(_attributes(left), _attributes(right))),
        DifferenceSection("Metrics", _metric_rows(promotion.read_metrics(left), promotion.read_metrics(right))),
        DifferenceSection("Parameters", _parameter_rows(_parameters(left), _parameters(right))),
        DifferenceSection("Signature", _rows(_signature(about[0]), _signature(about[1]))),
        _compare_files(*files),
    ]


def _rows(left: dict, right: dict) -> list[Row]:
    return [Row(name, left.get(name, ""), right.get(name, "")) for name in {**left, **right}]


def _parameter_rows(left: dict[str, str], right: dict[str, str]) -> list[Row]:
    found = []
    for row in _rows(left, right):
        given = (row.left, row.right)
        # Two values that differ may look the same in short.
        shown = list(map(format_given, given)) if row.is_equal else format_labels(list(given))
        found.append(Row(row.name, shown[0], shown[1], exact=given))
    return found


def _metric_rows(left: dict[str, float], right: dict[str, float]) -> list[Row]:
    found = []
    for name in sorted({**left, **right}):
        before, after = left.get(name), right.get(name)
        exact = _write(before, format_exact), _write(after, format_exact)
        shown = _write(before, format_number), _write(after, format_number)
        found.append(Row(name, *shown, _describe_change(before, after), exact))
    return found


def _write(value: float | None, write: Callable[[float], str]) -> str:
    return "" if value is None else write(value)


def _describe_change(before: float | None, after: float | None) -> str:
    if before is None or after is None or before == after:
        return ""
    return f"{MINUS if after < before else '+'}{format_number(abs(after - before))}"


def _attributes(version: ModelVersion) -> dict[str, str]:
    found = {
        "Type": version.get_model_type_display(),
        "Stage": version.stage,
        "Framework": f"{version.framework} {version.framework_version}".strip(),
        "Description": version.description,
        "Job": version.run.display_name if version.run else version.source_run_id,
        "Created by": version.created_by.label if version.created_by else "",
    }
    found |= {f"Tag {name}": value or "set" for name, value in sorted(version.tags.items())}
    return found | {f"Property {name}": value for name, value in sorted(version.properties.items())}


def _parameters(version: ModelVersion) -> dict[str, str]:
    found = dict(version.run.parameter_rows.values_list("name", "value")) if version.run else {}
    logged = version.logged_model.params if version.logged_model else {}
    return dict(sorted({**found, **logged}.items()))


def _signature(about: signatures.Description) -> dict[str, str]:
    found = {}
    for title, columns in (("Input", about.inputs), ("Output", about.outputs), ("Parameter", about.params)):
        for number, column in enumerate(columns, 1):
            found[f"{title} {column.name or number}"] = f"{column.kind}{'' if column.is_required else ', optional'}"
    return found | {f"Flavor {name}": text or "yes" for name, text in about.flavors.items()}


def _compare_files(left: version_files.ModelFiles | None, right: version_files.ModelFiles | None) -> DifferenceSection:
    before, after = _first_files(left), _first_files(right)
    rows, looked_at = [], 0
    for path in sorted({**before, **after}):
        one, other = before.get(path), after.get(path)
        note = ""
        if one is not None and other is not None and one.size == other.size and not _is_same_object(one, other):
            looked_at += 1
            note = _compare_bytes(one, other) if looked_at <= MAX_COMPARED_FILES else "same size, not compared"
        rows.append(Row(path, _size(one), _size(other), note))
    long = max(len(before), len(after)) >= MAX_FILES
    return DifferenceSection("Files", rows, f"The first {MAX_FILES:,} files are compared." if long else "")


def _first_files(files: version_files.ModelFiles | None) -> dict:
    rows = files.rows.order_by("path")[:MAX_FILES] if files else []
    return {files.relative(row.path): row for row in rows} if files else {}


def _is_same_object(one, other) -> bool:
    return type(one) is type(other) and one.pk == other.pk


def _size(row) -> str:
    return "" if row is None else f"{row.size:,} bytes"


def _compare_bytes(one, other) -> str:
    if one.size > MAX_COMPARED_BYTES:
        return "same size, not compared"
    same = version_files.read_bytes(one, one.size) == version_files.read_bytes(other, other.size)
    return "" if same else "other content"
