"""Environments of a workspace, on the real server."""

import pytest
from azureml.core import Environment
from azureml.core.conda_dependencies import CondaDependencies
from azureml.exceptions import UserErrorException


@pytest.fixture
def environment():
    made = Environment("mine")
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=["azureml-defaults", "pandas"])
    made.environment_variables = {"A": "1"}
    made.docker.base_image = "ubuntu:22.04"
    return made


def test_what_was_registered_comes_back(ws, environment):
    registered = environment.register(ws)
    assert (registered.name, registered.version) == ("mine", "1")
    found = Environment.get(ws, "mine")
    assert found.version == "1"
    assert found.environment_variables == {"A": "1"}
    assert found.docker.base_image == "ubuntu:22.04"
    assert "pandas" in found.python.conda_dependencies.serialize_to_string()


def test_an_unchanged_one_keeps_its_version(ws, environment):
    environment.register(ws)
    assert environment.register(ws).version == "1"
    environment.python.conda_dependencies.add_pip_package("numpy")
    assert environment.register(ws).version == "2"
    assert "numpy" not in Environment.get(ws, "mine", version="1").python.conda_dependencies.serialize_to_string()


def test_a_registered_one_can_be_registered_again(ws, environment):
    found = environment.register(ws)
    assert found.register(ws).version == "1"


def test_the_curated_ones_are_listed_with_their_packages(ws, environment):
    environment.register(ws)
    found = Environment.list(ws)
    curated = [name for name in found if name.startswith("AzureML")]
    assert "mine" in found
    assert "AzureML-Minimal" in curated
    for name in curated:
        assert "azureml" in found[name].python.conda_dependencies.serialize_to_string()


def test_what_is_not_there_is_named(ws):
    with pytest.raises(UserErrorException, match="no environment 'nope'"):
        Environment.get(ws, "nope")
    with pytest.raises(UserErrorException, match="version 7 of the environment 'AzureML-Minimal'"):
        Environment.get(ws, "AzureML-Minimal", version="7")
    with pytest.raises(UserErrorException, match="not both"):
        Environment.get(ws, "AzureML-Minimal", version="7", label="latest")


def test_build_says_that_nodes_install(ws, environment, capsys):
    details = environment.build(ws).wait_for_completion(show_output=True)
    assert details.status == "Succeeded"
    assert "A node installs" in capsys.readouterr().out
