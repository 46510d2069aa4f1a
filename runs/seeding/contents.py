"""The content of example runs as plain data: points, pictures, logs and code."""

import io
import math
import random
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable

SCRIPT = '''"""Trains a model."""
from azureml.core import Run

run = Run.get_context()
for epoch in range(100):
    run.log("loss", 1 / (epoch + 1))  # goes down
'''


FIGURES = [
    (
        "confusion",
        "confusion_matrix",
        {
            "schema_type": "confusion_matrix",
            "schema_version": "1.0.0",
            "data": {"class_labels": ["0", "1", "2"], "matrix": [[50, 2, 0], [3, 44, 5], [0, 4, 48]]},
        },
    ),
    (
        "residual histogram",
        "residuals",
        {"schema_type": "residuals", "data": {"bin_edges": [-2, -1, 0, 1, 2], "bin_counts": [3, 20, 24, 4]}},
    ),
    (
        "predicted",
        "predictions",
        {
            "schema_type": "predictions",
            "data": {
                "bin_edges": [0, 1, 2, 3],
                "bin_averages": [0.6, 1.4, 2.7],
                "bin_errors": [0.1, 0.2, 0.1],
                "bin_counts": [5, 9, 4],
            },
        },
    ),
    (
        "accuracy table",
        "accuracy_table",
        {
            "schema_type": "accuracy_table",
            "data": {
                "class_labels": ["no", "yes"],
                "probability_thresholds": [0, 0.5, 1],
                "probability_tables": [
                    [[40, 60, 0, 0], [32, 9, 51, 8], [0, 0, 60, 40]],
                    [[60, 40, 0, 0], [50, 8, 32, 10], [0, 0, 40, 60]],
                ],
            },
        },
    ),
]


def make_png(width: int = 160, height: int = 120, hue: int = 90) -> bytes:
    """A small picture without any imaging library."""
    row, rows = bytearray(3 * width), b""
    row[0::3], row[2::3] = bytes(x * 255 // width for x in range(width)), bytes([hue]) * width
    for y in range(height):
        row[1::3] = bytes([y * 255 // height]) * width
        rows += b"\0" + row

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_scalars(name: str, values: Iterable, start: int = 0) -> list[dict]:
    now = int(time.time() * 1000)
    return [
        {"name": name, "kind": "scalar", "value": value, "step": start + step, "time": now + step * 1000}
        for step, value in enumerate(values)
    ]


def make_curve(count: int, seed: int) -> list[float]:
    noise = random.Random(seed)
    return [math.exp(-step / (count / 3)) + noise.random() * 0.08 for step in range(count)]


def log_text(lines: int) -> bytes:
    return b"".join(b"2026-11-24 12:00:%02d epoch %d loss=%.5f\n" % (n % 60, n, 1 / (n + 1)) for n in range(lines))


def code_archive() -> bytes:
    """A snapshot as the SDK uploads it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.py", SCRIPT)
        archive.writestr("data/readme.md", "# Data\n")
        archive.writestr("environment.yml", "name: sklearn\ndependencies:\n  - python=3.11\n")
    return file.getvalue()
