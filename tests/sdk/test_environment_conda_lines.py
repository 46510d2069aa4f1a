"""Conda's lines: every spelling of a version, names by a table, and a sentence for what is left out."""

import time

import pytest
from lazuli.environments import conda_names, interpreters, match_spec, requirements
from lazuli.environments.interpreters import Python


def read(*lines):
    return requirements.requirements_from_conda({"dependencies": list(lines)})


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("numpy[version='>=1.20,<1.24']", "numpy>=1.20,<1.24"),
        ('numpy[version=">=1.20, <1.24", build=py39*]', "numpy>=1.20,<1.24"),
        ("six[version=1.16]", "six==1.16.*"),
        ("six=1.16# for Python 2", "six==1.16.*"),
        ("conda-forge::numpy[version=1.20]", "numpy==1.20.*"),
        ("conda-forge/linux-64::numpy >= 1.20 , < 2", "numpy>=1.20,<2"),
        ("https://conda.example/main::numpy==1.20.1", "numpy==1.20.1"),
        ("*::numpy=1.20", "numpy==1.20.*"),
        ("numpy 1.20.1 py38_0", "numpy==1.20.1.*"),
        ("numpy=1.20.1=py38h1234567_0", "numpy==1.20.1.*"),
        ("numpy==1.20.1=py38_0", "numpy==1.20.1"),
        ("numpy>=1.20=py38_0", "numpy>=1.20"),
        ("numpy=1.20=*mkl*", "numpy==1.20.*"),
        ("numpy=*=py38_0", "numpy"),
        ("numpy >=1.20 <2", "numpy>=1.20,<2"),
        ("numpy=1.2*", "numpy==1.2.*"),
        ("numpy>=1.2.*", "numpy>=1.2"),
        ("numpy!=1.20.*", "numpy!=1.20.*"),
        ("numpy=>1.20", "numpy>=1.20"),
        ("numpy~=1.20", "numpy~=1.20"),
        ("numpy~=1", "numpy==1.*"),
        ("numpy=1.20rc1", "numpy==1.20rc1"),
        ("numpy 1.19.*|1.20.*", "numpy==1.20.*"),
        ("numpy (>=1.16,<1.17)|>=1.19", "numpy>=1.19"),
        ("numpy=1.20  # for the charts", "numpy==1.20.*"),
        ("dask[complete]>=2", "dask[complete]>=2"),
        ("https://conda.example/linux-64/numpy-1.20.1-py38_0.tar.bz2", "numpy==1.20.1"),
        ("https://conda.example/noarch/tqdm-4.62.3-pyhd8ed1ab_0.conda#abcdef", "tqdm==4.62.3"),
        ("/home/me/numpy-1.20.1-py38_0.tar.bz2", "numpy==1.20.1"),
        ("brotli-python=1.0.9=py39h6a678d5_7", "brotli==1.0.9.*"),
        ("opencv==4.5.1", "opencv-python-headless==4.5.1.*"),
        ("fbprophet==0.5", "fbprophet==0.5"),
        ("ruamel_yaml=0.15", "ruamel-yaml==0.15.*"),
        ("setuptools<58", "setuptools<58"),
        ("cyipopt", "cyipopt"),
        ("lit-nlp", "lit-nlp"),
        ("comet_ml", "comet-ml"),
        ("something-new=1.0=py39h6a678d5_7", "something-new==1.0.*"),
    ],
)
def test_every_spelling_of_a_package_becomes_a_requirement(line, requirement):
    assert read(line).lines == [requirement]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ffmpeg", "ffmpeg is not known to be a Python package"),
        ("libsndfile=1.1", "libsndfile is not known to be a Python package"),
        ("unrar", "unrar is not known to be a Python package"),
        ("-r requirements.txt", "it is an option of pip, which belongs under `pip:`"),
        ("conda-forge::jq", "jq is not known to be a Python package"),
        ("r-base=3.6.0", "r-base is not known to be a Python package"),
        ("pytorch-cuda=11.8", "pytorch-cuda is not known to be a Python package"),
        ("python_abi=3.9=2_cp39", "python_abi is not known to be a Python package"),
        ("mkl-service=2.4.0=py39h7f8727e_0", "mkl-service is not known to be a Python package"),
        ("conda=4.12.0=py39h06a4308_0", "conda is not known to be a Python package"),
        ("azureml", "write azureml-core instead"),
        ("conda-forge::azureml=0.2.7=py36h6a678d5_0", "write azureml-core instead"),
        ("gmp=6.2.1=h295c915_3", "its build h295c915_3 shows that it is not a Python package"),
        ("six=1.16=h295c915_3", "its build h295c915_3 shows that it is not a Python package"),
        ("/home/me/mine-1.0-py38_0.tar.bz2", "mine is not known to be a Python package"),
        ("dataclasses=0.8", "it is a part of Python"),
        ("pip=20.2", "uv installs the packages, not pip"),
        ("numpy[version='1", "a bracket is not closed"),
        ("numpy[version 1 = 2]", "is not of the form"),
        ("=1.0", "it has no name"),
        ("numpy 1.0 py38_0 more", "more than a name, a version and a build"),
    ],
)
def test_what_is_left_out_is_reported_once(line, why):
    wanted = read(line)
    assert wanted.lines == []
    assert len(wanted.warnings) == 1 and why in wanted.warnings[0], wanted.warnings


@pytest.mark.parametrize("line", ["numpy=^1.2.*$", "numpy=1.*.2", "numpy=not_a_version", "numpy >=1,(<2|>3)"])
def test_a_version_that_no_package_index_has_is_reported(line):
    wanted = read(line)
    assert wanted.lines == ["numpy"]
    assert "numpy is installed in any version" in wanted.warnings[0]


def test_a_prefix_is_ignored_and_said():
    wanted = requirements.requirements_from_conda({"prefix": "/usr", "dependencies": ["numpy"]})
    assert wanted.lines == ["numpy"]
    assert wanted.warnings == ["`prefix:` of the conda file is left out: the studio chooses the folder."]


def test_a_misspelled_section_is_said():
    wanted = requirements.requirements_from_conda({"name": "a", "channels": ["defaults"], "dependenceis": ["numpy"]})
    assert wanted.lines == []
    assert wanted.warnings[1] == "`dependenceis:` of the conda file is left out: a conda file has no such section."


def test_an_alternative_and_a_new_name_are_said():
    assert read("numpy 1.19|1.20").warnings == ["numpy: of 1.19|1.20 the newest is taken, ==1.20.*."]
    assert read("pytorch").warnings == ["pytorch is called torch on a Python package index."]
    assert "because its build py39h6a678d5_7 is for Python" in read("something-new=1.0=py39h6a678d5_7").warnings[0]


def test_a_pin_of_pip_replaces_the_package_of_conda():
    pip = ["numpy", "scipy>=1.5", "pandas==1.1.5", "torch @ https://wheels.example/torch-1.0-py3-none-any.whl"]
    conda = ["numpy=1.19", "scipy=1.5", "pandas=1.0", "pytorch=1.4", "six"]
    wanted = requirements.requirements_from_conda({"dependencies": [*conda, {"pip": pip}]})
    assert wanted.lines == ["numpy==1.19.*", "scipy==1.5.*", "six", *pip]
    assert "'pandas=1.0' is left out: 'pandas==1.1.5' under `pip:` replaces it." in wanted.warnings


def test_a_conda_file_without_packages_is_said():
    for structure in (None, {}, {"name": "x"}):
        wanted = requirements.requirements_from_conda(structure)
        assert wanted.warnings == ["The environment lists no packages, so it has only Python and the SDK."]


def test_other_sections_of_a_conda_file_are_said():
    structure = {"variables": {"A": "1"}, "channels": ["x"], "dependencies": ["six", {"npm": ["a"], "pip": ["b"]}]}
    wanted = requirements.requirements_from_conda(structure)
    assert wanted.lines == ["six", "b"]
    assert [warning.split(" ")[0] for warning in wanted.warnings] == ["`variables`", "`npm:`"]


def test_a_variant_counts_whatever_its_build_is():
    assert read("tensorflow-gpu=2.4.1=h30adc30_0").lines == ["tensorflow==2.4.1.*"]


INSTALLED = [
    Python(version, "") for version in [(3, 8, 18), (3, 9, 18), (3, 10, 13), (3, 11, 7), (3, 13, 0), (3, 14, 1)]
]


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        (["python>=3.7,<3.9"], (3, 8, 18)),
        (["python<3.10"], (3, 9, 18)),
        (["python>3.9,!=3.10.*"], (3, 9, 18)),
        (["python>=3.10"], (3, 10, 13)),
        (["python[version='>=3.10,<3.12']"], (3, 10, 13)),
        (["python=3.9.7=h12debd9_1"], (3, 9, 18)),
        (["python 3.10|3.11"], (3, 10, 13)),
        (["python=3.8=*_cpython"], (3, 8, 18)),
        (["python>=3.8", "python>=3.11"], (3, 11, 7)),
        (["python~=3.11"], (3, 11, 7)),
        (["python"], (3, 8, 18)),
        (["python=3"], (3, 13, 0)),
        (["python=3.6.2"], (3, 8, 18)),
        (["python>=3.14"], (3, 14, 1)),
    ],
)
def test_bounds_of_the_interpreter_are_kept(lines, version):
    wanted = read(*lines)
    assert interpreters.choose_interpreter(wanted.python, wanted.python_bounds, INSTALLED).version == version


def test_an_interpreter_outside_the_bounds_is_no_match():
    wanted = read("python>=3.6,<3.8")
    chosen = interpreters.choose_interpreter(wanted.python, wanted.python_bounds, INSTALLED)
    assert chosen.version == (3, 8, 18)
    assert not interpreters.is_allowed(chosen, wanted.python, wanted.python_bounds)
    assert wanted.python_wish == ">=3.6,<3.8"


def test_the_table_is_in_order_and_small():
    with open(conda_names.TABLE, encoding="utf-8") as file:
        lines = [line.split() for line in file if not line.startswith("#")]
    names = [words[0] for words in lines]
    assert names == sorted(set(names)) and len(names) > 12_000
    assert all(len(words) < 3 and words == list(map(conda_names.normalize_name, words)) for words in lines)
    with open(conda_names.TABLE, "rb") as file:
        assert len(file.read()) < 300_000


def test_nonsense_is_read_in_little_time():
    begun = time.thread_time()
    for line in (
        "x" + " " * 990 + "y",
        "x=" + "1." * 490,
        "a-" * 490 + ".conda",
        "x[" + "a='1'," * 160,
        "x " + "<1," * 330,
        "x|" * 490,
    ):
        for _ in range(20):
            read(line)
    many = read(*["python=3.7|3.8|3.9"] * 900)
    assert len(many.python_bounds) <= requirements.MAX_ALTERNATIVES
    assert time.thread_time() - begun < 2


def test_versions_of_python_are_compared_as_numbers():
    for bounds, version, allowed in [
        (">3.8", (3, 8, 18), True),
        ("<=3.9", (3, 9, 18), False),
        ("==3.6.2", (3, 6, 15), False),
        ("~=3.8.1", (3, 9, 0), False),
        ("!=3.8.*", (3, 8, 1), False),
        (">=3.10rc1", (3, 11, 0), False),
    ]:
        assert match_spec.allows_version(bounds, version) is allowed, bounds
