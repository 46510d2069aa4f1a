"""The versions in which the `azureml-*` distributions were published, including every possible number.

A resolver sees only what is listed, so releases, post-releases, pre-releases and four-part versions are all listed here.
"""

import functools
import re

LAST_MINOR = 62
# Those of the SDK's own series, 1.0 to 1.62. The others, such as azureml-designer-core, have small numbers of their own.
SERIES = re.compile(
    r"azureml-(?:sdk|core|defaults|widgets|telemetry|mlflow|tensorboard|opendatasets|datadrift|responsibleai|interpret|"
    r"accel-models|cli-common|dataset-runtime|(?:train|automl|pipeline|explain|contrib)(?:-.*)?)"
)
# The post number of the last minor version; the others have none, so that the installed version is the SDK's own.
LAST_POSTS = {"azureml-mlflow": 6, "azureml-automl-core": 3, "azureml-dataset-runtime": 1}


@functools.lru_cache(maxsize=64)
def list_versions(name: str) -> list[str]:
    """Oldest first, each once."""
    if name == "azureml-dataprep-native":
        found = [
            f"{major}.{minor}.{patch}{post}"
            for major in range(11, 50)
            for minor in range(3)
            for patch in range(4)
            for post in _posts(2 if patch == 0 else 0)
        ]
        return found
    if name.startswith("azureml-dataprep"):
        return _list_dataprep()
    return [*(_list_early() if SERIES.fullmatch(name) else _list_small()), *_list_sdk(LAST_POSTS.get(name, 0))]


def _list_dataprep() -> list[str]:
    last_minors = {0: 5, 1: 26, 2: 39, 3: 2, 4: 15, 5: 9}
    patches = {(1, 0): 30, (1, 1): 40}
    return [
        version
        for major, last in last_minors.items()
        for minor in range(last + 1)
        for patch in range(patches.get((major, minor), 13))
        for version in _around(
            f"{major}.{minor}.{patch}",
            posts=2 if patch == 0 else 0,
            fourths=5 if (major, minor) == (1, 1) and patch < 10 else 0,
        )
    ]


def _list_early() -> list[str]:
    return [
        version
        for minor in range(10)
        for patch in range(90 if minor < 2 else 30)
        for version in _around(f"0.{minor}.{patch}", fourths=3 if patch < 10 else 0)
    ]


def _list_small() -> list[str]:
    """`0.0.118`, `0.0.14.post1`, `0.1.0a21`, `0.1.0b3`, `0.2.37.1` and so on."""
    trials = (*(f"a{number}" for number in range(30)), *(f"b{number}" for number in range(10)))
    return [
        version
        for minor in range(10)
        for patch in range(200 if minor == 0 else 90 if minor < 3 else 30)
        for version in _around(
            f"0.{minor}.{patch}",
            candidates=trials if patch == 0 and minor < 3 else (),
            posts=1 if minor == 0 else 0,
            fourths=3 if patch < 10 or minor in (1, 2) else 0,
        )
    ]


def _list_sdk(last_posts: int) -> list[str]:
    candidates = [*(f"1.0b{number}" for number in range(10)), *(f"1.0rc{number}" for number in range(100))]
    betas = [f"b{number}{post}" for number in range(10) for post in _posts(1)]
    # 1.0.0rc0 is 1.0rc0.
    words = {0: (), 1: (*betas, "rc0", "rc1")}
    first = [
        version
        for patch in range(100)
        for version in _around(f"1.0.{patch}", candidates=words.get(patch, ("rc0", "rc1")), posts=1, fourths=7)
    ]
    second = [
        version
        for patch in range(10)
        for version in _around(
            f"1.1.{patch}", candidates=("rc0", "rc1"), posts=2, fourths=7, fourth_candidates=("rc0",)
        )
    ]
    later = [
        version
        for minor in range(2, LAST_MINOR)
        for version in [
            *_around(f"1.{minor}.0", candidates=("a0", "b0", "rc0", "rc1"), posts=7, fourths=2),
            *(each for patch in range(1, 6) for each in _around(f"1.{minor}.{patch}", candidates=("rc0",), posts=1)),
        ]
    ]
    last = _around(f"1.{LAST_MINOR}.0", candidates=("rc0", "rc1"), posts=last_posts)
    return [*candidates, *first, *second, *later, *last]


def _around(version: str, *, candidates=(), posts=0, fourths=0, fourth_candidates=()) -> list[str]:
    """A release with its pre-releases before it, its posts and its four-part versions after it."""
    found = [*(f"{version}{word}" for word in candidates), *(f"{version}{post}" for post in _posts(posts))]
    for number in range(1, fourths + 1):
        found += [*(f"{version}.{number}{word}" for word in fourth_candidates), f"{version}.{number}"]
    return found


def _posts(count: int) -> list[str]:
    return ["", *(f".post{number}" for number in range(1, count + 1))]
