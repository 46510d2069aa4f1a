"""Lines under `pip:` and requirement files: options, other files, encodings, repositories."""

import codecs

import pytest
from azureml.core import Environment
from azureml.exceptions import UserErrorException
from lazuli.environments import package_indexes, requirements
from lazuli.environments.cache import BuildFailed


def read(*lines):
    return requirements.requirements_from_conda({"dependencies": [{"pip": list(lines)}]})


def test_indexes_and_options_are_kept():
    wanted = read(
        "--extra-index-url http://a/simple",
        "--extra-index-url=http://b/simple",
        "-i http://c/simple",
        "-f https://wheels.example/",
        "--pre",
        "--no-binary=lxml",
        "--trusted-host a.example",
        "-c numpy<2",
    )
    assert wanted.indexes == ["http://a/simple", "http://b/simple"]
    assert wanted.default_indexes == ["http://c/simple"]
    assert wanted.find_links == ["https://wheels.example/"]
    assert wanted.options == [
        *("--prerelease", "allow", "--no-binary", "lxml"),
        *("--allow-insecure-host", "a.example"),
    ]
    assert wanted.constraints == ["numpy<2"]
    assert (wanted.lines, wanted.warnings) == ([], [])


def test_where_a_package_is_found_may_stand_behind_it():
    """As `pip install` takes it, which people copy into files."""
    wanted = read(
        "torch==1.12.1+cu113 -f https://wheels.example/torch.html", "torchvision --extra-index-url=https://a/simple"
    )
    assert wanted.lines == ["torch==1.12.1+cu113", "torchvision"]
    assert (wanted.find_links, wanted.indexes) == (["https://wheels.example/torch.html"], ["https://a/simple"])
    wanted = read("six --no-deps", "numpy -U")
    assert wanted.lines == ["six", "numpy"]
    assert [warning.split(": ")[1] for warning in wanted.warnings] == [
        "the option --no-deps is not supported and is left out.",
        "the option -U is not supported and is left out.",
    ]


def test_an_empty_item_is_no_package():
    wanted = requirements.requirements_from_conda({"dependencies": [None, "six", {"pip": [None, "", "# x", "numpy"]}]})
    assert (wanted.lines, wanted.warnings) == (["six", "numpy"], [])


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("-e git+https://git.example/x.git#egg=none", "none @ git+https://git.example/x.git"),
        (
            "--editable=git+https://git.example/x.git@v1#egg=my-pkg[a]&subdirectory=src",
            "my-pkg[a] @ git+https://git.example/x.git@v1#subdirectory=src",
        ),
        ("-e git@git.example:me/x.git#egg=x", "x @ git+ssh://git@git.example/me/x.git"),
        ("git+https://git.example/x.git", "git+https://git.example/x.git"),
        ("x @ git+https://git.example/x.git@main", "x @ git+https://git.example/x.git@main"),
        ("https://files.example/x-1.0-py3-none-any.whl", "https://files.example/x-1.0-py3-none-any.whl"),
        ("six==1.16.0  --hash=sha256:aa --hash=sha256:bb", "six==1.16.0 --hash=sha256:aa --hash=sha256:bb"),
        ("pywin32>=300; sys_platform == 'win32'  # there only", "pywin32>=300; sys_platform == 'win32'"),
        ("azureml-sdk[automl,explain]~=1.34", "azureml-sdk[automl,explain]~=1.34"),
        ("six (>=1.0)", "six (>=1.0)"),
        ("torch==1.12.1+cu113", "torch==1.12.1+cu113"),
        ("pytz>=1!2.0,<2!1", "pytz>=1!2.0,<2!1"),
        ("numpy>=1.16.*,!=1.17.*,<2.0.*;", "numpy>=1.16,!=1.17.*,<2.0"),
        ("six==v1.16.0", "six==v1.16.0"),
    ],
)
def test_a_requirement_is_kept(line, requirement):
    wanted = read(line)
    assert (wanted.lines, wanted.warnings) == ([requirement], [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-e .", "names a folder on another machine"),
        ("-e .[dev]", "names a folder on another machine"),
        ("-e git+file:///home/me/mine", "names a folder on another machine"),
        ("git+file:///home/me/mine", "is a path on another machine"),
        ("mine @ git+file:///home/me/mine", "is a path on another machine"),
        (".[dev]", "is a path on another machine"),
        ("./local", "is a path on another machine"),
        ("crowd/third_party/mcnn/", "is a path on another machine"),
        ("C:\\wheels\\x.whl", "is a path on another machine"),
        ("file:///work/x.whl", "is a path on another machine"),
        ("x-1.0-py3-none-any.whl", "is a path on another machine"),
        ("mine @ file:///home/me/mine", "is a path on another machine"),
        ("-r more.txt", "names a file on another machine"),
        ("-r https://x.example/more.txt", "names a file at an address, which is not read,"),
        ("dataclasses==0.8", "is a part of Python"),
        ("azureml==0.2.7", "write azureml-core instead"),
        ("AzureML[x] >= 0.2 ; python_version > '3' --hash=sha256:aa", "write azureml-core instead"),
        ("azureml @ https://host/azureml-0.2.7.zip", "write azureml-core instead"),
        ("https://host/azureml-0.2.7-py3-none-any.whl", "write azureml-core instead"),
        ("-e git+https://host/x.git#egg=azureml", "write azureml-core instead"),
        ("git+https://host/x.git@v1#egg=azureml", "write azureml-core instead"),
        ("enum34; python_version < '3.4'", "is a part of Python"),
        ("pkg-resources==0.0.0", "Debian's `pip freeze` writes it"),
        ("-c limits.txt", "names a file on another machine"),
        ("--require-hashes", "this option is not supported"),
        ("--no-cache-dir", "this option is not supported"),
    ],
)
def test_what_cannot_be_had_is_left_out_and_said(line, why):
    wanted = read(line)
    assert wanted.lines == [] and len(wanted.warnings) == 1 and why in wanted.warnings[0]


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/croot/numpy_1/work", ""),
        ("/home/conda/feedstock_root/build_artifacts/numpy_1/work", ""),
        ("/tmp/build/80754af9/numpy_and_numpy_base_1/work", ""),
        ("/work/ci_py311/numpy_1/work", ""),
        ("/C:/ci/numpy_and_numpy_base_1649764138/work", ""),
        ("/D:/bld/numpy_1610324703282/work", ""),
        ("/C:/ci/numpy_1607454116140/work/dist/numpy-1.19.2-cp38-cp38-win_amd64.whl", "==1.19.2"),
        ("/AppleInternal/Library/BuildRoots/9d/numpy-1.20.0-py2.py3-none-any.whl", "==1.20.0"),
    ],
)
def test_what_was_built_elsewhere_comes_from_the_index_if_it_is_known(path, version):
    wanted = read(f"numpy @ file://{path}", "mine @ file:///croot/mine_1/work")
    assert wanted.lines == [f"numpy{version}"]
    assert f"numpy{version or ' comes from the package index in any version'}" in wanted.warnings[0]
    assert "'mine @ file:///croot/mine_1/work' is a path on another machine" in wanted.warnings[1]


def test_hashes_of_the_real_sdk_are_not_asked_of_ours():
    wanted = read("azureml-core==1.34.0 --hash=sha256:aa")
    assert wanted.lines == ["azureml-core==1.34.0"]
    assert "its hashes are left out" in wanted.warnings[0]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("pandas=1.0", "one = is conda's; write pandas==1.0."),
        ("numpy=1.19.2=py38h54aff64_0", "one = is conda's; write numpy==1.19.2."),
        ("pandas=>1.0", "'=>1.0' is not a version bound"),
        ("pandas >=1.0 <2", "'>=1.0 <2' is not a version bound"),
        ("pandas==latest", "'==latest' is not a version bound"),
        ("pandas==1.0.x", "'==1.0.x' is not a version bound"),
        ("pandas; numpy", "'; numpy' is not a marker, such as ; python_version"),
        ("pandas numpy", "write a package as name"),
        ("-e svn+https://svn.example/x", "only git repositories"),
    ],
)
def test_what_is_no_requirement_fails_with_the_line(line, why):
    with pytest.raises(BuildFailed) as raised:
        read(line)
    assert why in str(raised.value) and line.split()[-1] in str(raised.value)


@pytest.mark.parametrize(
    ("line", "constraints", "overrides"),
    [
        ("mlflow==1.20.1", ["mlflow-skinny==1.20.1"], []),
        ("mlflow>=1.20,<2", ["mlflow-skinny>=1.20,<2"], []),
        ("mlflow==1.2", [], ["mlflow-skinny ; python_version < '0'"]),
        ("mlflow<1.14", [], ["mlflow-skinny ; python_version < '0'"]),
        ("mlflow>=1.2,<=1.13.1", [], ["mlflow-skinny ; python_version < '0'"]),
        ("mlflow<=1.14", ["mlflow-skinny<=1.14"], []),
        ("mlflow", [], []),
    ],
)
def test_mlflow_and_its_small_distribution_are_of_one_version(line, constraints, overrides):
    wanted = read("azureml-mlflow", line)
    assert (wanted.constraints, wanted.overrides) == (constraints, overrides)


@pytest.fixture
def no_settings(monkeypatch):
    monkeypatch.setattr(package_indexes, "_find_pip_files", lambda: [])
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)


def test_the_best_version_of_all_named_indexes_is_taken(no_settings):
    wanted, studio = read("--extra-index-url http://a"), "http://studio/pypi/simple/"
    assert package_indexes.build_arguments(studio, wanted) == [
        *("--index-strategy", "unsafe-best-match"),
        *("--index", "http://a", "--default-index", studio),
    ]
    # An index that replaces the usual one is the only one that is used.
    assert package_indexes.build_arguments(studio, read("-i http://b")) == [
        *("--index-strategy", "unsafe-best-match"),
        *("--default-index", "http://b"),
    ]
    assert package_indexes.build_arguments(studio, read("a")) == ["--index", studio]


def test_a_variable_in_an_index_is_the_machines(no_settings, monkeypatch):
    monkeypatch.setenv("FEED_PASSWORD", "pw")
    wanted = read("--extra-index-url https://me:${FEED_PASSWORD}@feed.example/simple", "-f https://${NOT_THERE}/")
    arguments = package_indexes.build_arguments(None, wanted)
    assert "https://me:pw@feed.example/simple" in arguments and "https://${NOT_THERE}/" in arguments


# ---- files


def from_file(path):
    return list(Environment.from_pip_requirements("e", str(path)).python.conda_dependencies.pip_packages)


TEXT = "# für alle\r\nsix==1.16.0 \\\r\n  --hash=sha256:aa\r\nnumpy\r\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        b"# -*- coding: latin-1 -*-\n" + TEXT.encode("latin-1"),
        b"# vim: set fileencoding=cp1252 :\n" + TEXT.encode("cp1252"),
        TEXT.replace("\r\n", "\r").encode(),
        # Without its name: what only comments have does not matter.
        TEXT.encode("latin-1"),
        TEXT.replace("\r\n", "\r").encode("cp1252"),
    ],
)
def test_files_in_the_encodings_that_tools_write(tmp_path, content):
    (tmp_path / "r.txt").write_bytes(content)
    assert [" ".join(line.split()) for line in from_file(tmp_path / "r.txt")] == [
        "six==1.16.0 --hash=sha256:aa",
        "numpy",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("six\n# für\nfür\n".encode("latin-1"), "is not UTF-8 in line 3. Save it as UTF-8"),
        ("six\n".encode("utf-16-le"), "has a NUL character in line 1"),
        (b"# coding: rot13\nsix\n", "names the encoding 'rot13', which is not known"),
        (b"# coding: klingon\nsix\n", "names the encoding 'klingon', which is not known"),
        (b"six\n" * 70_000, "is larger than 256 KB"),
        (b"six\n" * 1_001, "has more than 1000 lines"),
        (b"-r r.txt\n", "names itself"),
        (b"-r nowhere.txt\n", r"nowhere.txt' does not exist \('.*r.txt' names it\)"),
    ],
)
def test_files_that_cannot_be_read_are_refused_in_words(tmp_path, content, why):
    (tmp_path / "r.txt").write_bytes(content)
    with pytest.raises(UserErrorException, match=why):
        from_file(tmp_path / "r.txt")


def test_other_files_are_read_where_the_file_lies(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "more.txt").write_text("tabulate==0.8.9\n-r ../last.txt\n")
    (tmp_path / "last.txt").write_text("six\n")
    (tmp_path / "limits.txt").write_text("numpy<2\nscipy<2\n")
    (tmp_path / "env.yml").write_text(
        "dependencies:\n- pip:\n  - -r in/more.txt\n  - --constraint=limits.txt\n  - pandas\n"
    )
    monkeypatch.chdir("/")
    packages = Environment.from_conda_specification("e", str(tmp_path / "env.yml")).python.conda_dependencies
    assert list(packages.pip_packages) == ["tabulate==0.8.9", "six", "pandas"]
    wanted = requirements.requirements_from_conda(packages.as_dict())
    assert (wanted.lines, wanted.constraints) == (["tabulate==0.8.9", "six", "pandas"], ["numpy<2", "scipy<2"])
    (tmp_path / "in" / "more.txt").unlink()
    with pytest.raises(UserErrorException, match=r"in/more\.txt' does not exist"):
        Environment.from_conda_specification("e", str(tmp_path / "env.yml"))


def test_files_that_name_each_other_have_an_end(tmp_path):
    for number in range(12):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n")
    with pytest.raises(UserErrorException, match="More than 10 requirements files name each other"):
        from_file(tmp_path / "r0.txt")


def test_a_conda_file_as_powershell_writes_it(tmp_path):
    (tmp_path / "env.yml").write_bytes(codecs.BOM_UTF16_LE + "dependencies:\r\n- numpy\r\n".encode("utf-16-le"))
    packages = Environment.from_conda_specification("e", str(tmp_path / "env.yml")).python.conda_dependencies
    assert list(packages.conda_packages) == ["numpy"]


@pytest.mark.parametrize(
    "text", ["dependencies: numpy\n", "dependencies:\n- pip: numpy\n", "dependencies:\n- pip:\n  - 1.0\n"]
)
def test_a_conda_file_of_another_shape_is_refused(tmp_path, text):
    (tmp_path / "env.yml").write_text(text)
    with pytest.raises(UserErrorException, match=r"list of (packages|requirements)"):
        Environment.from_conda_specification("e", str(tmp_path / "env.yml"))
