"""The SDK works on every Python that is installed here, from 3.8 on: an environment of a run may be an old one."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "sdk" / "src"
# The tests that need neither the server nor anything but the SDK and pytest.
LIGHT_TESTS = [
    "test_cli_parsing.py",
    "test_client.py",
    "test_client_login.py",
    "test_client_mlflow.py",
    "test_compute_configuration.py",
    "test_environment_conda_lines.py",
    "test_environment_failures.py",
    "test_environment_mapping.py",
    "test_environment_pip_lines.py",
    "test_metrics_queue.py",
    "test_offline_run.py",
    "test_run_waiting.py",
    "test_runconfig.py",
    "test_snapshot_rules.py",
    "test_widgets_page.py",
    "test_workspace_config.py",
]
OLDEST, NEWEST = (3, 8), (3, 13)


def uv(*arguments, **options):
    from uv import find_uv_bin

    return subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, check=False, cwd=ROOT / "tests" / "sdk", **options
    )


@functools.cache
def interpreters():
    """One interpreter per minor version: the path by `3.8`, `3.9` and so on."""
    listed = uv("python", "list", "--only-installed", "--output-format", "json").stdout
    found = {}
    for entry in json.loads(listed or "[]"):
        version = tuple(int(part) for part in re.findall(r"\d+", entry["version"])[:2])
        if entry.get("implementation", "cpython") == "cpython" and OLDEST <= version <= NEWEST:
            found.setdefault("{}.{}".format(*version), entry["path"])
    for folder in sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python")):
        version = tuple(int(part) for part in folder.parts[-3].split(".")[:2])
        if OLDEST <= version <= NEWEST:
            found.setdefault("{}.{}".format(*version), str(folder))
    return found or {"{}.{}".format(*sys.version_info): sys.executable}


VERSIONS = sorted(interpreters(), key=lambda text: int(text[2:]))
every_interpreter = pytest.mark.parametrize("version", VERSIONS)
# The oldest differs from the one that runs all tests; those after it take long and seldom differ: `make test-interpreters`.
oldest = pytest.mark.parametrize(
    "version", [VERSIONS[0], *(pytest.param(each, marks=pytest.mark.interpreters) for each in VERSIONS[1:])]
)


@every_interpreter
def test_imports_without_anything_installed(version):
    code = "import azureml.core, lazuli.cli, azureml._absent_table; from azureml.core.compute import AmlCompute; print('ok')"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [interpreters()[version], "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("ok", "")


@every_interpreter
def test_every_file_compiles(version):
    code = (
        "import pathlib, sys\n"
        "for path in pathlib.Path(sys.argv[1]).rglob('*.py'):\n"
        "    compile(path.read_bytes(), str(path), 'exec', dont_inherit=True)\n"
    )
    done = subprocess.run(
        [interpreters()[version], "-c", code, str(SOURCE)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(300)
@oldest
def test_light_tests_pass(version):
    done = uv(
        "run",
        "--isolated",
        "--no-project",
        "--python",
        interpreters()[version],
        "--with",
        str(ROOT / "sdk"),
        "--with",
        "pytest",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(ROOT / "tests" / "sdk"),
        "--confcutdir",
        str(ROOT / "tests" / "sdk"),
        "-p",
        "no:cacheprovider",
        *LIGHT_TESTS,
        timeout=280,
    )
    if "failed to fetch" in done.stderr.lower() or "dns error" in done.stderr.lower():
        pytest.skip(f"the packages for Python {version} cannot be fetched here")
    assert done.returncode == 0, done.stdout + done.stderr
