import pytest
from azureml.core import Environment, RunConfiguration, ScriptRunConfig
from azureml.core.runconfig import (
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
    run_configuration_from_dict,
)
from azureml.core.script_run_config import get_run_config_from_script_run
from azureml.exceptions import RunConfigurationException, UserErrorException
from lazuli.runs.submission import build_command

KEYS = [
    "script",
    "arguments",
    "target",
    "framework",
    "communicator",
    "maxRunDurationSeconds",
    "nodeCount",
    "priority",
    "environment",
    "history",
    "spark",
    "docker",
    "hdi",
    "tensorflow",
    "mpi",
    "pytorch",
    "paralleltask",
    "dataReferences",
    "data",
    "datacaches",
    "outputData",
    "sourceDirectoryDataStore",
    "amlcompute",
    "autoClusterComputeSpecification",
    "kubernetescompute",
    "credentialPassthrough",
    "command",
    "environmentVariables",
    "applicationEndpoints",
]


def command_of(config):
    return build_command(get_run_config_from_script_run(config)._to_dict())


def test_a_default_one_has_azures_keys():
    content = RunConfiguration()._to_dict()
    assert list(content) == KEYS
    assert (content["target"], content["framework"], content["nodeCount"]) == ("local", "Python", 1)
    assert content["environment"]["name"] == "default-environment"
    assert "pandas" in RunConfiguration().environment.python.conda_dependencies.pip_packages
    assert content["history"]["directoriesToWatch"] == ["logs"]
    assert content["docker"] == {"useDocker": False, "sharedVolumes": True, "arguments": [], "shmSize": "2g"}


def test_it_can_be_saved_and_loaded(tmp_path):
    config = RunConfiguration(script="a.py", arguments=["--x", 1])
    config.target = "cpu-cluster"
    config.environment_variables = {"A": 1}
    config.save(str(tmp_path), "mine")
    loaded = RunConfiguration.load(str(tmp_path), "mine")
    assert loaded._to_dict() == config._to_dict()
    assert loaded.environment_variables == {"A": "1"}
    config.save(str(tmp_path), "split", separate_environment_yaml=True)
    assert RunConfiguration.load(str(tmp_path), "split").environment.name == config.environment.name
    RunConfiguration.delete(str(tmp_path), "mine")
    with pytest.raises(UserErrorException, match="'mine'"):
        RunConfiguration.load(str(tmp_path), "mine")
    assert run_configuration_from_dict({"Script": "b.py", "unknown": 1}).script == "b.py"


@pytest.fixture
def project(tmp_path):
    """A project folder whose run configuration names a conda file."""
    (tmp_path / "proj" / ".azureml").mkdir(parents=True)
    (tmp_path / "proj" / "config").mkdir()
    (tmp_path / "proj" / "config" / "conda.yml").write_text("dependencies:\n- python=3.9\n- pip:\n  - scikit-learn\n")
    (tmp_path / "proj" / ".azureml" / "train.runconfig").write_text(
        "script: train.py\nenvironment:\n  python:\n    condaDependenciesFile: config/conda.yml\n"
    )
    return tmp_path / "proj"


def test_a_conda_file_is_looked_for_in_the_project(project, tmp_path, monkeypatch):
    for folder in (tmp_path, project, project / "config"):
        monkeypatch.chdir(folder)
        for path in (str(project), str(project / ".azureml" / "train.runconfig")):
            loaded = RunConfiguration.load(path, "train")
            assert list(loaded.environment.python.conda_dependencies.pip_packages) == ["scikit-learn"]
    (tmp_path / "again").mkdir()
    loaded.save(str(tmp_path / "again"), "train")
    (project / "config" / "conda.yml").unlink()
    # What was saved has the packages in it.
    again = RunConfiguration.load(str(tmp_path / "again"), "train")
    assert list(again.environment.python.conda_dependencies.pip_packages) == ["scikit-learn"]
    with pytest.raises(UserErrorException, match=r"config/conda\.yml"):
        RunConfiguration.load(str(project), "train")


def test_a_setting_that_is_not_known_is_said(project):
    file = project / ".azureml" / "train.runconfig"
    file.write_text("Script: train.py\nframwork: PySpark\n")
    with pytest.warns(UserWarning, match="unknown settings: framwork"):
        assert RunConfiguration.load(str(file)).script == "train.py"


@pytest.mark.parametrize(
    ("set_value", "said"),
    [
        (lambda job: setattr(job.run_config, "nodecount", 2), "no setting 'nodecount'.*Did you mean node_count?"),
        (
            lambda job: setattr(job.run_config.environment.python, "user_manged_dependencies", True),
            "PythonSection has no setting .*Did you mean user_managed_dependencies?",
        ),
        (lambda job: setattr(job, "environment", Environment("e")), "no setting 'environment'.* Set it in run_config."),
    ],
)
def test_an_attribute_that_nothing_reads_is_said(set_value, said):
    job = ScriptRunConfig(".", "train.py")
    with pytest.warns(UserWarning, match=said) as found:
        set_value(job)
    assert found[0].filename == __file__


def test_wrong_words_name_the_right_ones():
    with pytest.raises(RunConfigurationException, match="Python, PySpark"):
        RunConfiguration(framework="Ruby")
    with pytest.raises(RunConfigurationException, match="at least 1"):
        MpiConfiguration(node_count=0)
    with pytest.raises(RunConfigurationException, match="nccl, gloo"):
        PyTorchConfiguration("mpi")


def test_the_case_of_a_framework_does_not_matter_wherever_it_is_set(tmp_path):
    config = RunConfiguration(framework="python")
    config.communicator = "nccl"
    assert (config.framework, config.communicator) == ("Python", "Nccl")
    (tmp_path / "train.runconfig").write_text("framework: pytorch\ncommunicator:\n")
    loaded = RunConfiguration.load(str(tmp_path / "train.runconfig"))
    assert (loaded.framework, loaded.communicator) == ("PyTorch", "None")
    with pytest.raises(RunConfigurationException, match="framework='R' is not allowed"):
        config.framework = "R"


def test_script_run_config_puts_all_together():
    config = ScriptRunConfig(
        source_directory=".",
        script="train.py",
        arguments=["--rate", 0.1],
        compute_target="cpu-cluster",
        environment=Environment("mine"),
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    assert config.run_config.target == "cpu-cluster"
    assert config.run_config.environment.name == "mine"
    assert config.run_config.docker.use_docker
    assert config.run_config.max_run_duration_seconds == 2592000
    assert command_of(config) == ["python", "train.py", "--rate", "0.1"]


@pytest.mark.parametrize(
    ("job", "framework", "communicator", "nodes"),
    [
        (MpiConfiguration(node_count=2), "Python", "IntelMpi", 2),
        (PyTorchConfiguration("Gloo", node_count=3), "PyTorch", "Gloo", 3),
        (TensorflowConfiguration(worker_count=2), "TensorFlow", "ParameterServer", 3),
    ],
)
def test_distribution(job, framework, communicator, nodes):
    config = ScriptRunConfig(".", script="a.py", distributed_job_config=job).run_config
    assert (config.framework, config.communicator, config.node_count) == (framework, communicator, nodes)


def test_a_command_is_instead_of_a_script():
    config = ScriptRunConfig(".", command="python a.py && ls")
    assert config.script is None
    assert command_of(config) == "python a.py && ls"
    listed = ScriptRunConfig(".", command=["python", "a.py", "--n", 3])
    assert command_of(listed) == ["python", "a.py", "--n", "3"]
    with pytest.raises(UserErrorException, match="not both"):
        ScriptRunConfig(".", script="a.py", command="b")
    with pytest.raises(UserErrorException, match="give the folder to the script as an argument"):
        ScriptRunConfig(".", script="a.py", resume_from="checkpoints")


def test_a_run_config_wins_over_the_rest():
    given = RunConfiguration(script="a.py")
    with pytest.warns(UserWarning, match="compute_target"):
        config = ScriptRunConfig(".", run_config=given, compute_target="x")
    assert (config.script, config.run_config.target) == ("a.py", "local")


def test_a_run_configuration_as_it_is_written_on_windows(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "conda.yml").write_text("dependencies:\n- six\n")
    text = "script: train.py\r\nenvironment:\r\n  python:\r\n    condaDependenciesFile: config\\conda.yml\r\n"
    (tmp_path / "train.runconfig").write_bytes(text.encode("utf-16"))
    config = RunConfiguration.load(str(tmp_path), "train")
    assert list(config.environment.python.conda_dependencies.conda_packages) == ["six"]


def test_a_section_without_anything_is_the_usual_one(tmp_path):
    (tmp_path / "train.runconfig").write_text("script: train.py\nenvironment:\nhistory:\n")
    config = RunConfiguration.load(str(tmp_path), "train")
    assert config.environment.name == RunConfiguration().environment.name and config.history.snapshot_project


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["echo", "x", "&&", "python", "script.py"], "echo x && python script.py"),
        (["pip list", "&&", "python train.py", "--rate", 0.1], "pip list && python train.py --rate 0.1"),
        (["python", "-c", "import os; print(1)", ">", "out.txt"], "python -c 'import os; print(1)' > out.txt"),
        (["echo", "$AZUREML_RUN_ID"], "echo $AZUREML_RUN_ID"),
        (
            ["A=1", "python", "train.py", "--note", "it's a | b", "|", "tee", "log"],
            "A=1 python train.py --note 'it'\"'\"'s a | b' | tee log",
        ),
        (["bash", "-c", "echo a && echo b"], "bash -c 'echo a && echo b'"),
        (["python", "-c", "$(x)"], "python -c '$(x)'"),
        (["echo", "$(ls -l)", "x"], "echo $(ls -l) x"),
        (["(", "cd", "src", "&&", "ls", ")"], "( cd src && ls )"),
        (["RATE=1", "python", "train.py"], "RATE=1 python train.py"),
        (["source", "activate.sh"], "source activate.sh"),
        (["exit", 3], "exit 3"),
        (["time", "python", "train.py"], "time python train.py"),
        (["[[", "-f", "a b.csv", "]]"], "[[ -f 'a b.csv' ]]"),
        (["python", "a.py", "2>&1", "|&", "tee", "log.txt"], "python a.py 2>&1 |& tee log.txt"),
        (["cd src;", "python train.py"], "cd src; python train.py"),
        (["echo", "x && python script.py"], "echo x && python script.py"),
        (["ls", "*.csv", ""], "ls *.csv ''"),
        (["echo", '"two words"', ">", "out.txt"], 'echo "two words" > out.txt'),
        (["python", "-c", "'print(1)'"], "python -c 'print(1)'"),
        (["python", "train.py", '--note="two words"'], 'python train.py --note="two words"'),
        (["python", "train.py", "--json", '{"a": 1}', "&&", "ls"], "python train.py --json '{\"a\": 1}' && ls"),
    ],
)
def test_a_listed_command_is_one_line_for_the_shell(words, line):
    assert command_of(ScriptRunConfig(".", command=words)) == line


def test_a_listed_command_without_operators_needs_no_shell():
    words = ["python", "train.py", "--note", "two words"]
    assert command_of(ScriptRunConfig(".", command=words)) == words
