"""Why an environment cannot be built: a sentence with the line, the reason and what would work. uv's words are recorded."""

import pytest
from lazuli.environments import failures, requirements

NO_SOLUTION = ["Using Python 3.8.18 environment at: e", "error: No solution found when resolving dependencies"]
TRACEBACK = [
    "Resolved 4 packages in 1.31s",
    "   Building scikit-learn==0.21.3",
    "error: Failed to build `scikit-learn==0.21.3`",
    "  cause: The build backend returned an error",
    "  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)",
    "",
    "         [stderr]",
    *(f"           File 'setup.py', line {number}" for number in range(20)),
    "         ImportError: Numerical Python (NumPy) is not installed.",
    "",
    "hint: Build failures usually indicate a problem with the package or the build environment",
]


def explain(output, *pip, conda=(), versions=(), wished=""):
    wanted = requirements.requirements_from_conda({"dependencies": [*conda, {"pip": list(pip)}]})
    known = dict(versions)
    context = failures.Context(
        wanted.lines, wanted.conda_lines, "3.8.18", wished, lambda line, oldest: known.get((line, oldest), "")
    )
    return failures.explain_failure(output, context)


def test_a_pin_without_a_wheel_names_the_first_that_fits():
    versions = {("scikit-learn>=0.21.3", True): "0.22"}
    text = explain(TRACEBACK, "scikit-learn==0.21.3", versions=versions, wished="3.6.2")
    assert text.startswith(
        "scikit-learn==0.21.3 has no wheel for Python 3.8.18, and its source could not be built; the file asks for 3.6.2, "
        "which is not on this machine; 0.22 is the first that fits. "
    )
    assert "NumPy" in text and len(text) < failures.MAX_LENGTH and "hint" not in text


def test_what_a_package_needs_names_the_package():
    output = [
        "error: Failed to build `pystan==2.19`",
        "  cause: The build backend returned an error",
        "hint: `pystan` (v2.19) was included because `prophet` (v0.9) depends on `pystan`",
    ]
    text = explain(output, "prophet==0.9")
    assert text.startswith("pystan==2.19, which prophet needs, has no wheel for Python 3.8.18")


def test_a_version_that_the_resolver_chose_is_said_to_be_its_choice():
    text = explain(
        ["error: Failed to build `pandas==0.13.1`"], "pandas", "numpy<1", versions={("pandas>=0.13.1", True): "0.25.2"}
    )
    assert text.startswith("pandas==0.13.1, which the other lines leave for 'pandas', has no wheel")


def test_a_successor_is_named():
    text = explain(["error: Failed to build `fbprophet==0.5`"], conda=["fbprophet==0.5"])
    assert "prophet is its successor (from 1.0 on, imported as prophet)." in text


@pytest.mark.parametrize(
    ("cause", "lines", "versions", "sentence"),
    [
        (
            "Because nope was not found in the package registry and you require nope>1, we can conclude that your "
            "requirements are unsatisfiable.",
            ["nope>1"],
            {},
            "No package index has a package nope (the line 'nope>1').",
        ),
        (
            "Because there is no version of six==99.0 and you require six==99.0, we can conclude that your requirements are "
            "unsatisfiable.",
            ["six==99.0"],
            {("six", False): "1.17.0"},
            "No package index has such a version: six==99.0; the newest for Python 3.8.18 is 1.17.0.",
        ),
        (
            "Because only six<=1.17.0 is available and you require six>=99, we can conclude that your requirements are "
            "unsatisfiable.",
            ["six>=99"],
            {("six", False): "1.17.0"},
            "No package index has such a version: six>=99; the newest for Python 3.8.18 is 1.17.0.",
        ),
        (
            "Because the current Python version (3.8.18) does not satisfy Python>=3.9 and pandas==2.2.0 depends on "
            "Python>=3.9, we can conclude that pandas==2.2.0 cannot be used.",
            ["pandas==2.2.0"],
            {("pandas<2.2.0", False): "2.0.3"},
            "pandas==2.2.0 needs Python >=3.9, and this environment has 3.8.18; 2.0.3 is a version that fits.",
        ),
        (
            "Because tensorflow==1.15.0 has no wheels with a matching Python ABI tag (e.g., `cp38`) and you require "
            "tensorflow==1.15, we can conclude that your requirements are unsatisfiable.",
            ["tensorflow==1.15"],
            {("tensorflow>=1.15.0", True): "2.2.0"},
            "tensorflow==1.15.0 has no wheel for Python 3.8.18; 2.2.0 is the first that fits.",
        ),
        (
            "Because pandas==2.0.3 depends on numpy{python_full_version < '3.10'}>=1.20.3 and you require numpy==1.19.5, we "
            "can conclude that your requirements and pandas==2.0.3 are incompatible. And because you require pandas==2.0.3, "
            "we can conclude that your requirements are unsatisfiable.",
            ["numpy==1.19.5", "pandas==2.0.3"],
            {},
            "numpy==1.19.5 and pandas==2.0.3 cannot be installed together: pandas==2.0.3 needs numpy>=1.20.3.",
        ),
        (
            "Because you require six==1.15 and six==1.16, we can conclude that your requirements are unsatisfiable.",
            ["six==1.15", "six==1.16"],
            {},
            "six==1.15 and six==1.16 cannot be installed together: keep one of these lines.",
        ),
        (
            "Because python was not found in the package registry and you require python==3.8, we can conclude that your "
            "requirements are unsatisfiable.",
            ["python==3.8"],
            {},
            "No package index has a package python (the line 'python==3.8'); the version of Python is a line of conda",
        ),
    ],
)
def test_each_reason_has_its_sentence(cause, lines, versions, sentence):
    # uv breaks its sentences where it likes.
    broken = [f"  cause: {cause[:60]}", f"         {cause[60:]}", "", "hint: use `--index-strategy unsafe-best-match`"]
    text = explain([*NO_SOLUTION, *broken], *lines, versions=versions)
    assert text.startswith(sentence), text
    assert "--index-strategy" not in text and "hint" not in text


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            [
                "error: Failed to download and build `none @ git+https://git.example/none.git`",
                "  cause: Git operation failed",
                "  cause: failed to clone into: /cache/git",
                "  cause: process didn't exit successfully: `/usr/bin/git fetch 'https://git.example/none.git'` (exit status: 128)",
                "         fatal: unable to access 'https://git.example/none.git/': Could not resolve host: git.example",
            ],
            "git could not fetch https://git.example/none.git: unable to access 'https://git.example/none.git/': Could not "
            "resolve host: git.example.",
        ),
        (
            [
                "error: Request failed after 3 retries in 7.3s",
                "  cause: Failed to fetch: http://127.0.0.1:9/simple/six/",
                "  cause: tcp connect error",
                "  cause: Connection refused (os error 111)",
            ],
            "http://127.0.0.1:9/simple/six/ cannot be fetched: Connection refused.",
        ),
        (
            [
                "error: Failed to download `six==1.16.0`",
                "  cause: Hash mismatch for `six==1.16.0`",
                "         Expected:",
            ],
            "The file of six==1.16.0 does not have the hash in the line.",
        ),
        (["error: something new", "  with --a-flag"], "something new"),
        ([], "uv failed without a message"),
    ],
)
def test_what_cannot_be_fetched_is_named(output, sentence):
    assert explain(output, "six==1.16.0").startswith(sentence)
