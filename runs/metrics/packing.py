"""Packs points of one series into bytes: columns of numbers, or JSON for other values.

    1 byte version, 1 byte codec, 1 byte "compressed", 4 bytes count; then steps, times (int64) and values.

A compressed chunk stores differences of steps and times, and its bytes are stored plane by plane (all first bytes, all
second bytes, …), so that zlib finds what repeats: about 9 bytes a point for noisy values, instead of 24.
"""

import json
import struct
import zlib
from typing import Any

import numpy as np

HEADER = struct.Struct("<BBBI")
VERSION = 1
INT, FLOAT, JSON = "int", "float", "json"
CODECS = [INT, FLOAT, JSON]
DTYPES = {INT: np.dtype("<i8"), FLOAT: np.dtype("<f8")}
I8 = np.dtype("<i8")
# Below this many points, compression costs more than it saves.
WORTH_COMPRESSING = 64
LEVEL = 4

# Steps, times and values: an array, or a list for values that are not numbers.
Columns = tuple[np.ndarray, np.ndarray, Any]


def pack_columns(codec: str, steps, times, values) -> bytes:
    count = len(steps)
    compressed = count >= WORTH_COMPRESSING
    steps, times = np.asarray(steps, I8), np.asarray(times, I8)
    if compressed:
        steps, times = _differences(steps), _differences(times)
    tail = json.dumps(values).encode() if codec == JSON else _plain(np.asarray(values, DTYPES[codec]), compressed)
    body = _plain(steps, compressed) + _plain(times, compressed) + tail
    header = HEADER.pack(VERSION, CODECS.index(codec), compressed, count)
    return header + (zlib.compress(body, LEVEL) if compressed else body)


def unpack_columns(data: bytes) -> tuple[str, Columns]:
    version, number, compressed, count = HEADER.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"a metric chunk of version {version} cannot be read by this release")
    codec, body = CODECS[number], memoryview(data)[HEADER.size :]
    if compressed:
        body = memoryview(zlib.decompress(body))
    steps, times = _array(body, 0, count, I8, compressed), _array(body, 1, count, I8, compressed)
    if compressed:
        steps, times = np.cumsum(steps), np.cumsum(times)
    if codec == JSON:
        return codec, (steps, times, json.loads(bytes(body[16 * count :])))
    return codec, (steps, times, _array(body, 2, count, DTYPES[codec], compressed))


def widest_codec(codecs) -> str:
    """The codec that can hold values of all these codecs."""
    return max(codecs, key=CODECS.index, default=INT)


def join_columns(parts: list[tuple[str, Columns]]) -> tuple[str, Columns]:
    codec = widest_codec(part[0] for part in parts)
    steps = np.concatenate([columns[0] for _, columns in parts]) if parts else np.empty(0, I8)
    times = np.concatenate([columns[1] for _, columns in parts]) if parts else np.empty(0, I8)
    values: Any
    if codec == JSON:
        values = [value for _, columns in parts for value in as_list(columns[2])]
    else:
        values = np.concatenate([columns[2] for _, columns in parts]) if parts else np.empty(0, DTYPES[codec])
    return codec, (steps, times, values if codec == JSON else values.astype(DTYPES[codec], copy=False))


def as_list(values) -> list:
    return values if isinstance(values, list) else values.tolist()


def as_floats(values) -> np.ndarray:
    """Values that are not numbers become NaN."""
    if isinstance(values, list):
        values = [float(value) if isinstance(value, int | float) else np.nan for value in values]
    return np.asarray(values, DTYPES[FLOAT])


def _differences(column: np.ndarray) -> np.ndarray:
    return np.diff(column, prepend=I8.type(0))


def _plain(column: np.ndarray, planes: bool) -> bytes:
    if not planes:
        return column.tobytes()
    return column.view(np.uint8).reshape(-1, 8).T.tobytes()


def _array(body: memoryview, index: int, count: int, dtype, planes: bool) -> np.ndarray:
    raw = np.frombuffer(body, np.uint8, 8 * count, 8 * count * index)
    if planes:
        raw = np.ascontiguousarray(raw.reshape(8, count).T).reshape(-1)
    return raw.view(dtype)
