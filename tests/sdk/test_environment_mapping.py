import pytest
from azureml.core import Environment
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import DockerBuildContext
from azureml.exceptions import UserErrorException
from lazuli.environments import package_indexes, requirements
from lazuli.environments.interpreters import Python, find_closest


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("scikit-learn", "scikit-learn"),
        ("scikit-learn=0.24", "scikit-learn==0.24.*"),
        ("numpy=1.19.2=py36_0", "numpy==1.19.2.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("pandas>=1,<2", "pandas>=1,<2"),
        ("pandas >=1.0, <2", "pandas>=1.0,<2"),
        ("conda-forge::pandas=1.5.*", "pandas==1.5.*"),
        ("pytorch=1.6", "torch==1.6.*"),
        ("py-xgboost<=0.90", "xgboost<=0.90"),
        ("opencv", "opencv-python-headless"),
        ("scipy 1.5", "scipy==1.5.*"),
        ("scipy=*", "scipy"),
    ],
)
def test_conda_lines_become_requirements(line, requirement):
    assert requirements.requirements_from_conda({"dependencies": [line]}).lines == [requirement]


def test_python_and_conda_only_packages_are_no_requirements():
    wanted = requirements.requirements_from_conda(
        {"dependencies": ["python=3.6.2", "pip=20.2", "cudatoolkit=10", {"pip": ["a", "# b", ""]}]}
    )
    assert wanted.python == "3.6.2"
    assert wanted.lines == ["a"]
    assert any("cudatoolkit" in warning for warning in wanted.warnings)


def test_options_are_kept_or_named():
    wanted = requirements.requirements_from_conda(
        {"dependencies": [{"pip": ["--extra-index-url http://x", "-e .", "./local", "a==1"]}]}
    )
    assert wanted.indexes == ["http://x"]
    assert wanted.lines == ["a==1"]
    assert len(wanted.warnings) == 2


THERE = [Python(version, "") for version in [(3, 8, 18), (3, 10, 13), (3, 11, 2), (3, 11, 7), (3, 13, 0), (3, 14, 1)]]


@pytest.mark.parametrize(
    ("wish", "version"),
    [
        ((3, 6, 2), (3, 8, 18)),
        ((3, 8), (3, 8, 18)),
        ((3, 9), (3, 10, 13)),
        ((3, 11), (3, 11, 7)),
        ((3, 11, 2), (3, 11, 2)),
        ((3, 12), (3, 13, 0)),
        ((3,), (3, 13, 0)),
    ],
)
def test_the_nearest_interpreter_is_taken(wish, version):
    assert find_closest(wish, THERE).version == version


def test_pip_settings_are_read(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://a/simple\nextra-index-url = http://b http://c\n")
    monkeypatch.setattr(package_indexes, "_find_pip_files", lambda: [str(tmp_path / "pip.conf")])
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    assert package_indexes.build_arguments("http://studio/pypi/simple/") == [
        *("--index", "http://studio/pypi/simple/"),
        *("--index", "http://b", "--index", "http://c"),
        *("--default-index", "http://a/simple"),
        *("--find-links", "/wheels"),
    ]


def test_conda_dependencies_are_edited():
    made = CondaDependencies.create(conda_packages=["pandas"], pip_packages=["azureml-defaults", "torch==1.2"])
    assert list(made.pip_packages) == ["azureml-defaults~=1.62.0", "torch==1.2"]
    made.add_conda_package("pandas=1.0")
    made.add_pip_package("torch==1.3")
    made.set_python_version("3.8")
    made.set_pip_option("--pre")
    assert list(made.conda_packages) == ["python=3.8", "pandas=1.0"]
    assert list(made.pip_packages) == ["azureml-defaults~=1.62.0", "torch==1.3"]
    assert list(made.pip_options) == ["--pre"]
    made.remove_pip_package("torch")
    assert "torch" not in made.serialize_to_string()
    with pytest.raises(UserErrorException, match="not a version"):
        made.set_python_version("three")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("python=3.8.13", "3.8.13"),
        ("python>=3.7,<3.9", "3.7"),
        ("conda-forge::python 3.9.* py39_0", "3.9"),
        ("python[version='>=3.10']", "3.10"),
        ("python", None),
    ],
)
def test_the_python_version_of_each_spelling(line, version):
    assert CondaDependencies(_underlying_structure={"dependencies": [line]}).get_python_version() == version


def test_environment_from_a_conda_file(tmp_path):
    path = tmp_path / "env.yml"
    path.write_text("name: x\ndependencies:\n- python=3.6.2\n- scikit-learn\n- pip:\n  - azureml-defaults\n")
    environment = Environment.from_conda_specification("exp", str(path))
    assert "scikit-learn" in environment.python.conda_dependencies.serialize_to_string()
    folder = tmp_path / "saved"
    environment.save_to_directory(str(folder))
    assert Environment.load_from_directory(str(folder))._to_dict() == environment._to_dict()
    with pytest.raises(UserErrorException, match="overwrite"):
        environment.save_to_directory(str(folder))
    path.write_text("- just\n- a list\n")
    with pytest.raises(UserErrorException, match="not a conda file"):
        Environment.from_conda_specification("exp", str(path))
    with pytest.raises(UserErrorException, match="does not exist"):
        Environment.from_conda_specification("exp", "nowhere.yml")


def test_environment_from_requirements(tmp_path):
    (tmp_path / "more.txt").write_text("b\n")
    (tmp_path / "requirements.txt").write_text("# comment\na==1  # why\n-r more.txt\n\n")
    environment = Environment.from_pip_requirements("exp", str(tmp_path / "requirements.txt"))
    assert list(environment.python.conda_dependencies.pip_packages) == ["a==1", "b"]


def test_docker_settings_are_kept():
    environment = Environment.from_docker_image("d", "ubuntu:22.04")
    environment.docker.enabled = True
    copy = environment.clone("e")
    assert (copy.name, copy.docker.base_image, copy.docker.enabled) == ("e", "ubuntu:22.04", True)
    assert copy.python.user_managed_dependencies


def test_environments_from_images_and_dockerfiles(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pandas\n-r more.txt\n")
    (tmp_path / "more.txt").write_text("numpy  # numbers\n")
    image = Environment.from_docker_image("a", "ubuntu:22.04", pip_requirements=str(requirements))
    assert image.docker.base_image == "ubuntu:22.04"
    assert list(image.python.conda_dependencies.pip_packages) == ["pandas", "numpy"]
    (tmp_path / "Dockerfile").write_text("FROM ubuntu\n")
    dockerfile = Environment.from_dockerfile("b", str(tmp_path / "Dockerfile"))
    assert dockerfile.docker.base_dockerfile == "FROM ubuntu\n" and dockerfile.python.user_managed_dependencies
    context = DockerBuildContext.from_local_directory(None, str(tmp_path))
    built = Environment.from_docker_build_context("c", context)
    assert Environment("d")._set_values(built._to_dict()).docker.build_context.location == str(tmp_path)
    assert image.clone("e").name == "e" and image.name == "a"
    with pytest.raises(UserErrorException, match="not both"):
        Environment.from_docker_image("a", "x", conda_specification="x", pip_requirements="y")
    with pytest.raises(UserErrorException, match="has no file 'Nothing'"):
        DockerBuildContext.from_local_directory(None, str(tmp_path), "Nothing")
    with pytest.raises(UserErrorException, match="needs a name"):
        Environment(" ")


def test_conda_dependencies_have_one_line_for_each_package():
    packages = CondaDependencies.create(
        conda_packages=["numpy"], pip_packages=["azureml-defaults"], pip_indexurl="http://x"
    )
    packages.add_tensorflow_pip_package()
    packages.add_conda_package("numpy=1.26")
    packages.set_python_version("3.11")
    assert list(packages.conda_packages) == ["python=3.11", "numpy=1.26"]
    assert list(packages.pip_options) == ["--index-url http://x"]
    assert [line.split("=")[0].rstrip("~") for line in packages.pip_packages] == ["azureml-defaults", "tensorflow"]
    packages.set_pip_requirements(["a"])
    packages.remove_pip_package("a")
    assert list(packages.pip_packages) == []
    assert CondaDependencies.merge_requirements(["a>1", "a<2", "b"]) == ["a>1,<2", "b"]
    with pytest.raises(UserErrorException, match="is not a version"):
        packages.set_python_version("three")
    with pytest.raises(UserErrorException, match="Allowed: cpu, gpu"):
        packages.add_cntk_package("tpu")
    with pytest.raises(UserErrorException, match="not both"):
        CondaDependencies("a.yml", {"dependencies": []})


@pytest.mark.parametrize("packages", ["numpy", ["numpy", None], [1]])
@pytest.mark.parametrize("what", ["pip_packages", "conda_packages"])
def test_packages_that_are_no_list_of_texts_are_refused(what, packages):
    with pytest.raises(UserErrorException, match=f"{what} must"):
        CondaDependencies.create(**{what: packages})
