"""Rows of the catalogue about uploads, artifacts and snapshots."""

import pytest

from runs.models import Artifact
from tests.bad_inputs.doors import H, told

PATHS = [
    "../../etc/passwd",
    "..\\..\\x",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "a/../b",
    "a//b",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\x1bb",
    "x" * 5001,
    "",
    "a/",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:12]))
def test_a_path_that_is_none_stores_nothing(world, path):
    for method, door in (("PUT", "content"), ("POST", "append")):
        answer = world.generic(
            method, f"{H}/runs/r1/artifacts/{door}", b"abc", "text/plain", query_params={"path": path, "offset": "0"}
        )
        assert 400 <= answer.status_code < 500 and told(answer)
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        "bytes=5-2",
        "bytes=-0",
        "bytes=99-",
        "bytes=a-b",
        "bytes=" + "0-1," * 1000,
        "bytes=" + "9" * 5000 + "-",
        "lines=1-2",
    ],
)
def test_strange_ranges_are_answered_whole_or_refused(world, value):
    world.generic("PUT", f"{H}/runs/r1/artifacts/content?path=a.txt", b"abc", "text/plain")
    answer = world.get(f"{H}/runs/r1/artifacts/content?path=a.txt", headers={"Range": value})
    assert answer.status_code in (200, 416)
    assert answer.status_code == 416 or b"".join(answer.streaming_content) == b"abc"
