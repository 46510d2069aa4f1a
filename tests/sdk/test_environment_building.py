"""Environments built once, kept whole or not at all. Most tests put a small program in uv's place; the last does not."""

import multiprocessing
import os
import stat
import subprocess
import sys
import threading
import time
import zipfile

import pytest
from lazuli import processes
from lazuli.environments import building, interpreters, uv_program
from lazuli.environments.cache import BuildFailed

FAKE_UV = """#!/bin/sh
echo "uv $1" >> "$FAKE_UV_CALLS"
echo "$@" >> "$FAKE_UV_CALLS.whole"
if [ "$1 $2" = "python install" ]; then echo "$UV_PYTHON_DOWNLOADS" > "$FAKE_UV_CALLS.fetched"; exit "${FAKE_UV_OFFLINE:-0}"; fi
if [ "$1" = python ]; then
    test -f "$FAKE_UV_CALLS.fetched" && echo '[{"version": "3.9.20", "path": "'$FAKE_UV_PYTHON'"}]' || echo '[]'
    exit 0
fi
if [ "$1" = venv ]; then
    for last; do :; done
    mkdir -p "$last/bin"
    ln -s "$FAKE_UV_PYTHON" "$last/bin/python"
    exit 0
fi
if [ "$2" = compile ]; then cat > /dev/null; echo "azureml-core==1.2.0"; echo "numpy==1.0"; exit 0; fi
sleep "${FAKE_UV_SECONDS:-0}"
for last; do :; done
if [ -n "$FAKE_UV_LACKS" ] && grep -q "$FAKE_UV_LACKS" "$last"; then
    echo "error: No solution found when resolving dependencies"
    case "$FAKE_UV_LACKS" in
    *==*) echo "  cause: Because there is no version of $FAKE_UV_LACKS and you require $FAKE_UV_LACKS, we" ;;
    *) echo "  cause: Because $FAKE_UV_LACKS was not found in the package registry and you require $FAKE_UV_LACKS, we" ;;
    esac
    echo "         can conclude that your requirements are unsatisfiable."
    exit 1
fi
if [ -n "$FAKE_UV_FAILS" ]; then echo "  x No solution found:"; echo "  because nope is not there"; exit 1; fi
echo "Installed 3 packages"
"""
DEFINITION = {"name": "mine", "python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["nope"]}]}}}
INDEX = "http://studio/pypi/simple/"


@pytest.fixture
def fake_uv(tmp_path, monkeypatch):
    program, calls = tmp_path / "uv", tmp_path / "calls"
    program.write_text(FAKE_UV)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    calls.touch()
    monkeypatch.setattr(interpreters, "find_uv", lambda: str(program))
    monkeypatch.setenv("FAKE_UV_CALLS", str(calls))
    monkeypatch.setenv("FAKE_UV_PYTHON", sys.executable)
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path / "cache"))
    for name in ("PIP_CONSTRAINT", "UV_CONSTRAINT", "LAZULI_CONSTRAINTS", "UV_PYTHON_DOWNLOADS"):
        monkeypatch.delenv(name, raising=False)
    return calls


def with_packages(*dependencies):
    return {"name": "x", "python": {"condaDependencies": {"dependencies": list(dependencies)}}}


def prepare(log=lambda text: None, definition=DEFINITION, **options):
    return building.prepare_environment(definition, index_url=INDEX, log=log, **options)


def installs(calls):
    return calls.read_text().splitlines().count("uv pip")


def test_the_second_time_it_is_there(fake_uv):
    lines = []
    first = prepare(lines.append)
    second = prepare()
    assert (first.built, second.built) == (True, False)
    assert first.python == second.python
    assert "Installed 3 packages" in "".join(lines)
    assert installs(fake_uv) == 1


def test_an_ordered_rebuild_is_built_once_more(fake_uv):
    again = {**DEFINITION, "build": 1}
    assert [prepare(definition=each).built for each in (DEFINITION, again, again, DEFINITION)] == [
        True,
        True,
        False,
        False,
    ]
    assert installs(fake_uv) == 2


def in_a_process(queue):
    lines = []
    made = prepare(lines.append)
    queue.put((made.built, "".join(lines)))


def test_ten_at_once_build_one(fake_uv, monkeypatch):
    monkeypatch.setenv("FAKE_UV_SECONDS", "1")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=in_a_process, args=(queue,)) for _ in range(10)]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert [built for built, _ in answers].count(True) == 1
    assert installs(fake_uv) == 1
    # Those that waited saw the log of the one that built.
    assert all("Installed 3 packages" in log for _, log in answers if log)


def test_a_failed_build_leaves_nothing_and_says_why(fake_uv, monkeypatch, tmp_path):
    monkeypatch.setenv("FAKE_UV_FAILS", "1")
    with pytest.raises(BuildFailed, match="because nope is not there"):
        prepare()
    assert not [name for name in os.listdir(tmp_path / "cache") if (tmp_path / "cache" / name).is_dir()]
    monkeypatch.delenv("FAKE_UV_FAILS")
    assert prepare().built


def test_a_build_that_was_killed_is_done_again(fake_uv):
    made = prepare()
    os.remove(os.path.join(made.path, "ready"))
    assert prepare().built


def test_a_lost_interpreter_is_noticed(fake_uv):
    made = prepare()
    os.remove(made.python)
    assert prepare().built


def test_cancelled_while_it_builds(fake_uv, monkeypatch):
    monkeypatch.setenv("FAKE_UV_SECONDS", "60")
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    started = time.monotonic()
    with pytest.raises(BuildFailed, match="cancelled"):
        prepare(cancelled=stop.is_set)
    assert time.monotonic() - started < 10


def test_a_build_that_hangs_is_stopped_with_what_it_started(monkeypatch):
    monkeypatch.setattr(uv_program, "MAX_BUILD_SECONDS", 3.0)
    said = []
    uv = uv_program.UvProgram(sys.executable, lambda text: said.append(text) or text, lambda: False)
    hang = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    with pytest.raises(BuildFailed, match=r"it took longer than 0\.05 minutes, the limit of a build"):
        uv.run("-c", hang)
    deadline = time.monotonic() + 20
    while processes.identify(int(said[0])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.identify(int(said[0])) is None


MANY = "import subprocess, time; all = [subprocess.Popen(['sleep', '60']) for _ in range(8)]; time.sleep(60)"
LARGE = "import time; held = b'x' * 200_000_000; time.sleep(60)"


@pytest.mark.parametrize(
    ("limit", "value", "code", "reason"),
    [
        ("MAX_PROCESSES", 5, MANY, r"it started 9 processes; 5 are allowed"),
        ("MAX_MEMORY_SHARE", 0.004, LARGE, r"it used \d\.\d GB of memory; 0\.\d GB are allowed"),
        ("MIN_FREE_BYTES", 1 << 60, "import time; time.sleep(60)", r"of the disk are free; a build leaves"),
    ],
)
def test_a_build_that_takes_too_much_of_the_machine_is_stopped(monkeypatch, limit, value, code, reason):
    monkeypatch.setattr(uv_program, limit, value)
    monkeypatch.setattr(uv_program, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(processes, "read_machine_memory", lambda: 10_000_000_000)
    uv = uv_program.UvProgram(sys.executable, lambda text: text, lambda: False)
    with pytest.raises(BuildFailed, match=reason):
        uv.run("-c", code)


def test_constraints_make_another_environment(fake_uv, monkeypatch, tmp_path):
    first = prepare()
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("numpy==1.23.5\n")
    monkeypatch.setenv("LAZULI_CONSTRAINTS", str(constraints))
    second = prepare()
    assert second.path != first.path
    constraints.write_bytes("# für\n".encode("latin-1"))
    with pytest.raises(BuildFailed, match=r"constraints\.txt cannot be read: it is not UTF-8"):
        prepare()
    monkeypatch.setenv("LAZULI_CONSTRAINTS", str(tmp_path / "nowhere.txt"))
    with pytest.raises(BuildFailed, match=r"nowhere\.txt cannot be read"):
        prepare()


def test_the_log_names_what_was_changed(fake_uv):
    lines = []
    dependencies = ["python=2.7", "cudatoolkit", "pytorch", {"pip": ["azureml-defaults==1.34.0"]}]
    definition = {"name": "x", "python": {"condaDependencies": {"dependencies": dependencies}}}
    prepare(lines.append, definition)
    log = "".join(lines)
    assert "Python 2.7 is too old for the SDK, which needs 3.8; " in log
    assert "Warning: cudatoolkit is not known to be a Python package and is left out." in log
    assert "  azureml-defaults==1.34.0\n" in log
    assert "  lazuli-sdk\n" in log


def test_an_interpreter_that_is_missing_is_fetched_where_that_is_possible(fake_uv, monkeypatch):
    here = interpreters.Python((3, 11, 2), sys.executable)
    monkeypatch.setattr(interpreters, "_find_base", lambda: here)
    monkeypatch.setattr(interpreters, "_list_pyenv", list)

    def build(version: str) -> str:
        lines = []
        prepare(lines.append, with_packages(f"python={version}", "six"))
        return "".join(lines)

    fetched = fake_uv.with_name("calls.fetched")
    assert "fetches it" not in build("3.11") and not fetched.exists(), "it is here"
    assert "fetches it" not in build("3.7.9") and not fetched.exists(), "the SDK has none for it"
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    assert "Python 3.9.7 is not installed on this machine; 3.11.2 is used instead." in build("3.9.7")
    monkeypatch.delenv("UV_PYTHON_DOWNLOADS")
    monkeypatch.setenv("FAKE_UV_OFFLINE", "1")
    assert "Python 3.9 could not be fetched.\nPython 3.11.2 (" in build("3.9.8")
    fetched.unlink()
    monkeypatch.delenv("FAKE_UV_OFFLINE")
    assert f"uv fetches it.\nPython 3.9.20 ({sys.executable})" in build("3.9")
    assert fetched.read_text() == "manual\n"


def test_what_is_left_out_is_reported_again_when_nothing_is_built(fake_uv):
    def definition(*more):
        return {"name": "x", "python": {"condaDependencies": {"dependencies": ["python=2.7", "six", *more]}}}

    for more, built in ((["ffmpeg"], True), (["ffmpeg"], False), (["libsndfile"], False)):
        lines = []
        made = prepare(lines.append, definition(*more))
        said = [line for line in "".join(lines).splitlines() if line.startswith("Warning: ")]
        assert made.built is built
        assert [line.removeprefix("Warning: ") for line in said] == made.warnings
        assert "Python 2.7 is too old" in said[0] and more[0] in said[1] and len(said) == 2


def test_a_conda_package_that_no_index_has_is_left_out(fake_uv, monkeypatch):
    monkeypatch.setenv("FAKE_UV_LACKS", "six")
    definition = {"name": "x", "python": {"condaDependencies": {"dependencies": ["six=1.16", "numpy"]}}}
    for _ in range(2):
        made = prepare(definition=definition)
        assert [each for each in made.warnings if "six" in each] == [
            "'six=1.16' is left out: no package index has six."
        ]
    assert installs(fake_uv) == 2
    of_pip = {"name": "x", "python": {"condaDependencies": {"dependencies": [{"pip": ["six==1.16.*", "numpy"]}]}}}
    with pytest.raises(BuildFailed, match=r"^No package index has a package six \(the line"):
        prepare(definition=of_pip)


def test_a_guessed_package_that_no_index_has_so_is_left_out(fake_uv, monkeypatch):
    monkeypatch.setenv("FAKE_UV_LACKS", "newthing==9.9")
    made = prepare(definition=with_packages("newthing==9.9=py39h1234567_0", "numpy"))
    assert (
        made.warnings[0]
        == "'newthing==9.9=py39h1234567_0' is left out: no package index has newthing in a version that fits."
    )


def test_our_packages_come_from_no_other_index(fake_uv, monkeypatch):
    lines = ["--extra-index-url http://a/simple", "azureml-core", "torch==1.0+cu1"]
    prepare(definition={"name": "x", "python": {"condaDependencies": {"dependencies": [{"pip": lines}]}}})
    with open(f"{fake_uv}.whole", encoding="utf-8") as file:
        calls = [line for line in file.read().splitlines() if line.startswith("pip ")]
    assert [call.split()[1] for call in calls] == ["compile", "install", "install"]
    assert f"--default-index {INDEX} --no-deps azureml-core==1.2.0" in calls[1]
    assert "--index-strategy unsafe-best-match --index http://a/simple" in calls[2]


def test_a_build_log_and_its_error_show_no_secrets(fake_uv, monkeypatch, tmp_path):
    monkeypatch.setenv("INDEX_TOKEN", "nope")
    monkeypatch.setenv("FAKE_UV_FAILS", "1")
    lines = []
    dependencies = [{"pip": ["a @ https://me:pw@index.example/a.whl"]}]
    definition = {"name": "x", "python": {"condaDependencies": {"dependencies": dependencies}}}
    with pytest.raises(BuildFailed, match=r"because \*{4} is not there"):
        prepare(lines.append, definition)
    assert "  a @ https://*****@index.example/a.whl\n" in lines[-3]
    assert "nope" not in "".join(lines)


def test_code_that_builds_packages_gets_no_token(fake_uv, monkeypatch):
    monkeypatch.setenv("LAZULI_TOKEN", "lz_secret")
    monkeypatch.setenv("MY_OWN", "1")
    assert "LAZULI_TOKEN" not in uv_program._environment() and uv_program._environment()["MY_OWN"] == "1"


def test_a_missing_uv_is_reported(fake_uv, monkeypatch):
    monkeypatch.setattr(interpreters, "find_uv", lambda: None)
    with pytest.raises(BuildFailed, match="uv is not installed"):
        prepare()


def test_without_an_index_ours_stands_for_azureml():
    wanted = building._read_requirements(
        {"python": {"condaDependencies": {"dependencies": [{"pip": ["azureml-core==1.2", "a"]}]}}}
    )
    assert [building.is_sdk_v1(line) for line in wanted.lines] == [True, False]


@pytest.fixture
def private_index(tmp_path):
    """A folder with one wheel whose version no public index has."""
    info, folder = "tabulate-99.0+priv.dist-info", tmp_path / "wheels"
    folder.mkdir()
    files = {
        "tabulate.py": "PRIVATE = 1\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tabulate\nVersion: 99.0+priv\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / "tabulate-99.0+priv-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    page = "".join(f'<a href="../{each.name}">{each.name}</a>' for each in folder.iterdir())
    (folder / "tabulate").mkdir()
    (folder / "tabulate" / "index.html").write_text(page)
    return folder.as_uri()


def test_a_real_one_has_the_sdk_and_the_best_version_of_all_indexes(tmp_path, monkeypatch, private_index):
    monkeypatch.setenv("LAZULI_ENV_CACHE", str(tmp_path / "cache"))
    version = ".".join(map(str, sys.version_info[:2]))
    pip = {"pip": [f"--extra-index-url {private_index}", "tabulate"]}
    definition = {"name": "x", "python": {"condaDependencies": {"dependencies": [f"python={version}", "ffmpeg", pip]}}}
    lines = []
    made = building.prepare_environment(definition, index_url=None, log=lines.append)
    check = "import azureml.core, sys, tabulate; print('%d.%d' % sys.version_info[:2], tabulate.PRIVATE)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([made.python, "-c", check], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.strip() == f"{version} 1", done.stderr
    assert made.warnings == [
        "ffmpeg is not known to be a Python package and is left out. If it is one, list it under `pip:`."
    ]
