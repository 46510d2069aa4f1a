"""Experiments against the real application."""

from __future__ import annotations

import pytest
from azureml.core import Experiment, ScriptRunConfig
from azureml.core.experiment import ViewType
from azureml.exceptions import ExperimentExecutionException, UserErrorException


def test_is_made_when_named_and_found_again(ws):
    made = Experiment(workspace=ws, name="my-experiment")
    assert Experiment(ws, "my-experiment").id == made.id
    assert list(ws.experiments) == ["my-experiment"]
    assert (made.name, made.workspace, made.workspace_object) == ("my-experiment", ws, ws)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "x" * 256])
def test_bad_names_are_refused(ws, name):
    with pytest.raises(UserErrorException, match="1 to 255 letters"):
        Experiment(ws, name)


def test_tags(ws):
    experiment = Experiment(ws, "tagged")
    experiment.set_tags({"a": "1", "b": 2})
    experiment.tag("c")
    assert experiment.tags == {"a": "1", "b": "2", "c": ""}
    experiment.remove_tags(["a", "missing"])
    assert Experiment(ws, "tagged").tags == {"b": "2", "c": ""}
    assert [found.name for found in Experiment.list(ws, tags={"b": "2"})] == ["tagged"]
    assert [found.name for found in Experiment.list(ws, tags="c")] == ["tagged"]
    assert Experiment.list(ws, tags=["b", "z"]) == []


def test_archive_and_reactivate(ws):
    experiment = Experiment(ws, "old")
    experiment.archive()
    assert experiment.archived_time
    assert Experiment.list(ws) == []
    assert [found.name for found in Experiment.list(ws, view_type=ViewType.ArchivedOnly)] == ["old"]
    experiment.reactivate("renamed")
    assert (experiment.name, experiment.archived_time) == ("renamed", None)
    assert [found.name for found in Experiment.list(ws, view_type="All")] == ["renamed"]
    with pytest.raises(UserErrorException, match="view_type is 'Some'"):
        Experiment.list(ws, view_type="Some")


def test_delete(ws):
    experiment = Experiment(ws, "gone")
    Experiment.delete(ws, experiment.id)
    assert Experiment.list(ws) == []
    with pytest.raises(UserErrorException, match="has no experiment with the id"):
        Experiment.delete(ws, "nothing")
    with pytest.raises(UserErrorException, match="has no experiment 'gone'"):
        experiment.refresh()


def test_an_interactive_run_is_listed(ws, tmp_path):
    experiment = Experiment(ws, "interactive")
    run = experiment.start_logging(snapshot_directory=None)
    run.complete()
    assert [found.id for found in experiment.get_runs()] == [run.id]
    assert ws.get_run(run.id).experiment.name == "interactive"


def test_runs_are_found_by_a_query(ws):
    experiment = Experiment(ws, "queried")
    for site in ("here", "there"):
        run = experiment.start_logging(snapshot_directory=None)
        run.tag("site", site)
        run.complete()
    assert [found.id for found in experiment.get_runs(filter="tags.site in ('there') and not name ~ 'x'")] == [run.id]
    with pytest.raises(UserErrorException, match=r"column 14"):
        list(experiment.get_runs(filter="metrics.rate ? 1"))


def test_a_script_is_submitted_to_a_cluster(ws, cluster, tmp_path):
    (tmp_path / "experiment.py").write_text("print('hello')")
    config = ScriptRunConfig(source_directory=str(tmp_path), script="experiment.py", compute_target=cluster)
    run = Experiment(workspace=ws, name="my-experiment").submit(config=config, tags={"a": "b"})
    assert run.id.startswith("my-experiment_")
    assert run.get_tags()["a"] == "b"
    assert [active.id for active in cluster.get_active_runs()] == [run.id]


def test_what_cannot_be_submitted_is_reported(ws):
    with pytest.raises(ExperimentExecutionException, match="A dict cannot be submitted"):
        Experiment(ws, "e").submit({"script": "x.py"})


def test_shows_itself(ws):
    experiment = Experiment(ws, "shown")
    assert repr(experiment) == "Experiment(Name: shown,\nWorkspace: aml-workspace)"
    assert experiment.get_portal_url() == experiment.portal_url
    assert f'href="{experiment.portal_url}"'.replace("&", "&amp;") in experiment._repr_html_()


def test_from_directory(ws, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    ws.write_config(str(folder))
    assert Experiment.from_directory(str(folder)).name == "project"
