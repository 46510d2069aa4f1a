"""Why a script failed: what real scripts print, and the sentence that is made of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lazuli.runner.failure_reasons import describe_failure, suggest_package
from lazuli.runner.module_packages import find_package


@pytest.fixture
def reason(tmp_path):
    """The message for a script that is run here, with its output as on a node."""

    def find(script: str) -> str:
        folder, log = tmp_path / "code", tmp_path / "log.txt"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_text(script)
        with log.open("w") as out:
            command = [sys.executable, "-u", "train.py"]
            status = subprocess.run(command, cwd=folder, stdout=out, stderr=out, check=False).returncode
        return describe_failure(status, str(log), "mine", str(folder))["message"]

    return find


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise ValueError('boom')", "exit code 1: ValueError: boom"),
        ("try:\n 1/0\nexcept ZeroDivisionError:\n raise KeyError('late')", "exit code 1: KeyError: 'late'"),
        ("class wrong(Exception): pass\nraise wrong('small letters')", "exit code 1: wrong: small letters"),
        ("raise RuntimeError('first\\nsecond')", "exit code 1: RuntimeError: first (The log ends with: second)"),
        (
            "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
            "exit code 1: ExceptionGroup: two (2 sub-exceptions)",
        ),
        ("import lost", "No module named 'lost'. If 'lost' is a module of your own"),
        ("def f(:", "exit code 1: SyntaxError: "),
        ("if True:\nprint(1)", "exit code 1: IndentationError: "),
        ("import sys; print('a'); sys.exit('no data in data.csv')", "exit code 1: no data in data.csv"),
        (
            "import sys, traceback\ntry:\n 1/0\nexcept ZeroDivisionError:\n traceback.print_exc()\nsys.exit('gave up')",
            "exit code 1: gave up (The last exception in the log: ZeroDivisionError: division by zero)",
        ),
        (
            "import argparse; argparse.ArgumentParser().parse_args(['--x'])",
            "exit code 2. (The log ends with: train.py: error",
        ),
        ("import sys; sys.exit(3)", "The script ended with exit code 3."),
        ("def f(n): return f(n + 1)\nf(0)", "RecursionError: maximum recursion depth exceeded"),
        ("e = ValueError('bad')\ne.add_note('of row 3')\nraise e", "ValueError: bad (The log ends with: of row 3)"),
        (
            "class A:\n def __del__(self): raise ValueError('ignored')\na = A()\nraise RuntimeError('real')",
            "exit code 1: RuntimeError: real",
        ),
        (
            "import atexit\natexit.register(lambda: 1 / 0)\nraise RuntimeError('real')",
            "exit code 1: RuntimeError: real",
        ),
        ("raise ValueError('why\\n' + 'detail\\n' * 9000)", "exit code 1: ValueError: why"),
        ("import os; os.abort()", "ended by the signal SIGABRT"),
        (
            "from azureml.exceptions import UserErrorException\nraise UserErrorException('no data\\nin data.csv')",
            "exit code 1: azureml.exceptions.UserErrorException: no data in data.csv",
        ),
        (
            "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\nheld = [open('/dev/null') for _ in range(99)]",
            "Close files after use, or let the script raise its limit, to at most 65,536",
        ),
        ("raise KeyboardInterrupt", "ended by the signal SIGINT: KeyboardInterrupt"),
    ],
)
def test_the_last_exception_is_the_reason(reason, script, said):
    assert said in reason(script)


CAUGHT = "import logging, subprocess, sys, textwrap, traceback, warnings\ndef f():\n 1/0\ntry:\n f()\nexcept Exception as e:\n "


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("traceback.print_exc()\nsys.exit('a\\nb\\nc')", "exit code 1: a\nb\nc (The last exception"),
        (
            "logging.exception('no'); raise SystemExit(f'3 of {4} rows are bad: {e}')",
            "1: 3 of 4 rows are bad: division",
        ),
        ("traceback.print_exc(); sys.exit(str(e))", "exit code 1: division by zero (The last exception"),
        (
            "traceback.print_exc()\nrows = [1, 2]\nsys.exit('bad:\\n' + '\\n'.join(map(str, rows)))",
            "exit code 1: bad:\n1\n2 (",
        ),
        ("traceback.print_exc()\ntext = '%d rows' % 3\nsys.exit(text)", "exit code 1: 3 rows (The last exception"),
        ("traceback.print_exc()\nsys.exit('{} rows'.format(3))", "exit code 1: 3 rows (The last exception"),
        (
            "traceback.print_exc()\nsys.exit(3)",
            "exit code 3. (The last exception in the log: ZeroDivisionError: division by",
        ),
        (
            "traceback.print_exc()\nprint('saved')\nsys.exit(1)",
            "1: ZeroDivisionError: division by zero (The log ends with: saved)",
        ),
        ("traceback.print_exc(); raise", "exit code 1: ZeroDivisionError: division by zero"),
        ("raise ValueError('a\\nb')\nsys.exit('never')", "exit code 1: ValueError: a (The log ends with: b)"),
        ("raise ValueError('a\\nb')\nsys.exit(str(e))", "exit code 1: ValueError: a (The log ends with: b)"),
        (
            "subprocess.run([sys.executable, '-c', 'lost'])\nsys.exit('step 2 failed')",
            "exit code 1: step 2 failed (The last",
        ),
        (
            "print('x')\nimport atexit\natexit.register(warnings.warn, 'late')\nsys.exit('gave up')",
            "exit code 1: gave up (",
        ),
        ("print('x')\nimport atexit\natexit.register(lambda: 1/0)\nsys.exit('gave up')", "exit code 1: gave up ("),
        ("print('x')\nsys.exit('a:\\n- b')", "exit code 1: a:\n- b"),
        ("print('x')\nsys.exit(textwrap.dedent('''\n   a\n   b\n   '''))", "exit code 1: a\nb"),
    ],
)
def test_the_text_of_an_exit_is_the_reason_whatever_was_caught_before(reason, ending, said):
    assert said in reason(CAUGHT + ending)


def test_a_long_text_of_an_exit_is_cut(reason):
    said = reason("import sys\nprint('x')\nsys.exit('first\\n' + '\\n'.join(str(n) for n in range(30)))")
    assert said.startswith("The script ended with exit code 1: first\n0\n1\n") and "\n8 (The log ends with: 29)" in said


def test_a_syntax_error_that_was_caught_before_is_not_the_reason(reason):
    script = "try:\n eval('1 +')\nexcept SyntaxError as error:\n print('SyntaxError:', error)\nraise ValueError('boom')"
    assert "exit code 1: ValueError: boom" in reason(script)


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.svm", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("google.cloud.storage", "google-cloud-storage"),
        ("azure.storage.blob", "azure-storage-blob"),
        ("pandas", "pandas"),
        ("torch.utils", "torch"),
        ("pyro.infer", "pyro-ppl"),
        ("stable_baselines3", "stable-baselines3"),
        ("google.cloud.bigquery", "google-cloud-bigquery"),
        ("soundfile", "soundfile"),
        ("utils", None),
        ("azure", None),
    ],
)
def test_a_package_is_named_by_its_distribution(module, package):
    assert find_package(module) == package
    said = suggest_package(module.split(".")[0], "e", imported=module)
    assert package is None or f"Add the package '{package}' to the environment 'e'" in said


def test_a_module_of_ones_own_is_not_looked_for_on_an_index(reason, tmp_path):
    said = reason("import utils")
    assert "If 'utils' is a module of your own, it is missing from the snapshot" in said
    assert "add_pip_package" not in said
    (tmp_path / "code" / "src").mkdir()
    (tmp_path / "code" / "src" / "utils.py").write_text("")
    assert "The snapshot has 'src/utils.py', which is not on Python's path" in reason("import utils")


def test_a_module_below_one_that_was_found_is_not_looked_for_in_a_package_that_is_there(reason, tmp_path):
    said = reason("import pytest.nothing")
    assert "The installed version of 'pytest' has no module 'pytest.nothing'" in said and "add_pip_package" not in said
    (tmp_path / "code" / "src").mkdir()
    (tmp_path / "code" / "src" / "__init__.py").write_text("")
    said = reason("from src.features import build")
    assert "'src' was found (in the snapshot: 'src'), but it has no module 'src.features'" in said
    (tmp_path / "code" / "sklearn.py").write_text("")
    assert "The snapshot's 'sklearn.py' hides the package 'scikit-learn'" in reason("import sklearn.svm")


def test_the_line_that_imports_says_which_part_of_a_namespace_is_missing(reason, tmp_path):
    (tmp_path / "code" / "azure").mkdir(parents=True)
    (tmp_path / "code" / "azure" / "core.txt").write_text("A namespace without a module.")
    assert "Add the package 'azure-storage-blob'" in reason("from azure.storage.blob import BlobClient")


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("distutils.util", "'distutils' was a part of Python up to 3.11; the package 'setuptools' contains a copy."),
        ("imp", "'imp' was a part of Python up to 3.11."),
        ("urllib2", "'urllib2' was a part of Python up to 2.7. Change the script."),
        ("tkinter.ttk", "'tkinter' is a part of Python that the interpreter of this environment was built without"),
    ],
)
def test_nobody_is_sent_to_an_index_for_a_module_of_python(module, said):
    if module.startswith("tkinter") and not hasattr(sys, "stdlib_module_names"):
        pytest.skip("Python lists its modules from 3.10 on")
    assert suggest_package(module, "e").startswith(said)


def test_nobody_is_sent_to_an_index_for_a_module_of_the_sdk(reason):
    said = reason("import azureml.nothing_of_this_name")
    assert "no package of an index contains it" in said and "add_pip_package" not in said
