import pytest
from azureml.core import Run
from azureml.exceptions import RunEnvironmentException, UserErrorException


@pytest.fixture
def run():
    return Run.get_context()


def test_it_is_no_run_and_says_so_by_its_id(run):
    assert not isinstance(run, Run)
    assert run.id.startswith("OfflineRun_") and run._run_id == run.id
    assert not hasattr(run, "experiment")
    assert not hasattr(run, "get_metrics")


def test_without_a_run_and_without_offline_it_is_an_error():
    with pytest.raises(RunEnvironmentException):
        Run.get_context(allow_offline=False)


def test_logging_prints(run, capsys):
    run.log("loss", 0.5)
    run.log_list("names", ["a"])
    run.log_row("row", x=1)
    run.tag("k", "v")
    run.fail("broken", error_code="E1")
    printed = capsys.readouterr().out
    assert "Attempted to log scalar metric loss:\n0.5\n" in printed
    assert "Attempted to log list metric names:\n['a']\n" in printed
    assert "Attempted to log row metric row:\n{'x': 1}\n" in printed
    assert "broken, code: E1" in printed


def test_log_has_no_step_and_takes_no_list(run):
    with pytest.raises(TypeError):
        run.log("loss", 1, step=1)
    with pytest.raises(UserErrorException):
        run.log("loss", [1])


def test_a_child_is_named_after_its_parent(run, capsys):
    assert run.child_run("fold").id == f"{run.id}.fold"
    with run as same:
        assert same is run
    assert capsys.readouterr().out.count(run.id) == 2


@pytest.mark.parametrize("missing", ["AZUREML_RUN_TOKEN", "AZUREML_ARM_WORKSPACE_NAME", None])
def test_all_seven_variables_make_it_a_run(monkeypatch, missing):
    from azureml.core import _run_context

    for name in _run_context.REQUIRED:
        monkeypatch.setenv(name, "http://127.0.0.1:9" if name == "AZUREML_SERVICE_ENDPOINT" else name.lower())
    if missing:
        monkeypatch.delenv(missing)
        assert not isinstance(Run.get_context(), Run)
        return
    run = Run.get_context()
    assert isinstance(run, Run)
    assert (run.id, run.experiment.name) == ("azureml_run_id", "azureml_arm_project_name")
    assert Run.get_context() is run
    assert run.experiment.workspace._client.token() == "azureml_run_token"
