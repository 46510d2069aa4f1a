"""The bodies that routes read themselves: what the description of the API allows is what they take."""

import json

import pydantic
import pytest

from runs import submission
from runs.api import resources
from runs.metrics import batches
from studio.errors import StudioError

LONG = "x" * 10_001
FILE_KINDS = sorted(batches.FILE_KINDS)
GOOD = [
    {"value": 1},
    {"value": None},
    {"value": True},
    {"value": LONG[1:]},
    {"value": 2**70},
    {"value": 1, "step": -(2**63), "time": 0},
    {"value": 1, "step": 2**63 - 1, "time": batches.END_OF_TIME - 1},
    {"value": 1, "name": "x" * 255},
    {"kind": "list", "value": [1, "two", None]},
    {"kind": "table", "rows": [{"x" * 255: 1, "b": "text"}]},
    {"kind": "table", "rows": [{str(number): number for number in range(100)}]},
    *({"kind": kind, "value": "images/a.png"} for kind in FILE_KINDS),
]
BAD = [
    {},
    {"kind": "line", "value": 1},
    {"kind": 1, "value": 1},
    {"value": [1]},
    {"value": {}},
    {"value": LONG},
    {"value": 1, "step": 2**63},
    {"value": 1, "step": 1.0},
    {"value": 1, "step": True},
    {"value": 1, "time": -1},
    {"value": 1, "time": batches.END_OF_TIME},
    {"value": 1, "time": "now"},
    {"value": 1, "name": ""},
    {"value": 1, "name": "x" * 256},
    {"value": 1, "name": 1},
    {"kind": "list", "value": []},
    {"kind": "list", "value": [[1]]},
    {"kind": "list", "value": [LONG]},
    {"kind": "list", "value": [1] * 100_001},
    {"kind": "table", "rows": []},
    {"kind": "table", "rows": [{}]},
    {"kind": "table", "rows": [{"x" * 256: 1}]},
    {"kind": "table", "rows": [{str(number): number for number in range(101)}]},
    *({"kind": kind, "value": ""} for kind in FILE_KINDS),
    *({"kind": kind, "value": 1} for kind in FILE_KINDS),
]


def is_described(body: type[pydantic.BaseModel], value: dict, strict: bool | None = None) -> bool:
    try:
        body.model_validate_json(json.dumps(value), strict=strict)
    except (pydantic.ValidationError, StudioError):
        return False
    return True


def is_taken(check, value) -> bool:
    try:
        check(value)
    except StudioError:
        return False
    return True


@pytest.mark.parametrize(("points", "allowed"), [(GOOD, True), (BAD, False)], ids=["good", "bad"])
def test_points_are_taken_as_the_description_of_a_batch_says(points, allowed):
    for point in points:
        batch = {"metrics": [{"name": "loss", **point}]}
        assert is_described(resources.MetricBatch, batch) is allowed, str(point)[:200]
        assert is_taken(batches.group_points, batch["metrics"]) is allowed, str(point)[:200]


def test_a_batch_has_as_many_points_as_its_description_says():
    for count in (batches.MAX_POINTS, batches.MAX_POINTS + 1):
        batch = {"metrics": [{"name": "loss", "value": 1}] * count}
        assert is_described(resources.MetricBatch, batch) is is_taken(batches.group_points, batch["metrics"])


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({}, True),
        ({"command": "x" * 100_000}, True),
        ({"command": "x" * 100_001}, False),
        ({"commandArgv": ["python", "x" * 100_001]}, False),
        ({"commandArgv": "python"}, False),
        ({"jobType": "Pipeline"}, False),
        ({"displayName": "x" * 256}, True),
        ({"displayName": "x" * 257}, False),
        ({"description": "x" * 5001}, False),
        ({"resources": {"instanceCount": 0}}, False),
        ({"resources": {"instanceCount": "1"}}, False),
        ({"tags": ["a"]}, False),
        ({"unknown": 1}, True),
    ],
)
def test_jobs_are_taken_as_their_description_says(fields, allowed):
    job = {"properties": {"command": "python train.py", **fields}}
    assert is_taken(submission.check_job, job) is allowed
    assert is_described(submission.Job, job, strict=True) is allowed
