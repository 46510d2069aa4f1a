"""Interactive runs against the real application."""

import json
import math
import sys

import pytest
from azureml.core import Experiment, Run
from azureml.exceptions import AzureMLException, ModelPathNotFoundException, SnapshotException, UserErrorException
from lazuli import errors, file_batches
from lazuli.client import Client
from lazuli.runs import files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; its snapshot is small."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "notebook.py").write_text("print(1)")
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def run(transactional_db, ws, folder):
    return Experiment(ws, "trial").start_logging()


def test_metrics_come_back_as_they_were_logged(run):
    run.log("one", 1)
    for value in (0.5, 0.25):
        run.log("loss", value)
    run.log("odd", math.inf)
    run.log_list("names", ["a", "b"])
    run.log_row("cats", stat="x", value=1)
    run.log_row("cats", stat="y", value=2)
    run.log_table("table", {"x": [1, 2], "y": [3, 4]})
    assert run.get_metrics() == {
        "one": 1,
        "loss": [0.5, 0.25],
        "odd": math.inf,
        "names": ["a", "b"],
        "cats": {"stat": ["x", "y"], "value": [1, 2]},
        "table": {"x": [1, 2], "y": [3, 4]},
    }
    assert run.get_metrics("loss") == {"loss": [0.5, 0.25]}
    assert run.get_metrics("none") == {}
    json.dumps(run.get_metrics(), indent=2)


def test_files_go_there_and_back(run, folder):
    (folder / "sample.csv").write_text("a,b\n")
    artifact = run.upload_file(name="outputs/sample.csv", path_or_stream="./sample.csv")
    assert artifact.artifact_id == f"ExperimentRun/dcid.{run.id}/outputs/sample.csv"
    (folder / "more" / "deep").mkdir(parents=True)
    (folder / "more" / "deep" / "x.txt").write_text("x")
    with pytest.warns(UserWarning, match="datastore_name='mine' has no effect"):
        run.upload_folder("more", "more", datastore_name="mine")
    assert run.get_file_names() == ["more/deep/x.txt", "outputs/sample.csv"]
    run.download_files(prefix="outputs", output_directory="downloads")
    assert (folder / "downloads" / "outputs" / "sample.csv").read_text() == "a,b\n"
    run.download_file("more/deep/x.txt")
    assert (folder / "x.txt").read_text() == "x"
    with pytest.raises(UserErrorException, match=r"no file 'nope'.*outputs/sample\.csv"):
        run.download_file("nope")
    with pytest.raises(errors.Conflict, match=r"already has a file 'outputs/sample.csv'. Use another name"):
        run.upload_file("outputs/sample.csv", "./sample.csv")


def test_small_files_share_requests(run, folder, monkeypatch):
    monkeypatch.setattr(files, "PARALLEL", 1)
    monkeypatch.setattr(file_batches, "SMALL", 3)
    for name, text in {"a": "a", "b": "", "c": "large", "d": "dd"}.items():
        (folder / name).write_text(text)
    sent, request = [], Client.request
    monkeypatch.setattr(Client, "request", lambda *a, **k: sent.append(a[1]) or request(*a, **k))
    found = run.upload_files(["in/a", "./in/b", "c", "d"], ["a", "b", "c", "d"])
    assert sent == ["PUT", "PUT"] and found["./in/b"].path == "in/b"
    del sent[:]
    run.download_files(output_directory="down")
    assert sent == ["GET", "GET", "POST"]
    assert [(folder / "down" / name).read_text() for name in ("in/a", "in/b", "c", "d")] == ["a", "", "large", "dd"]
    with pytest.raises(errors.Conflict, match=r"already has a file 'd'\. Use another name"):
        run.upload_files(["e", "d"], ["a", "b"])
    assert run.get_file_names() == ["c", "d", "in/a", "in/b"]


def test_an_image_and_a_matrix_are_files(run, folder):
    (folder / "roc.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    run.log_image("ROC", path="roc.png")
    run.log_confusion_matrix("matrix", {"schema_type": "confusion_matrix", "schema_version": "v1", "data": {}})
    metrics = run.get_metrics()
    assert metrics["ROC"] == f"aml://artifactId/ExperimentRun/dcid.{run.id}/roc.png"
    assert metrics["matrix"] == f"aml://artifactId/ExperimentRun/dcid.{run.id}/matrix"
    assert run.get_metrics("ROC", populate=True)["ROC"].startswith(b"\x89PNG")
    with pytest.raises(AzureMLException, match="exactly one"):
        run.log_image("ROC")


def test_complete_ends_it_and_uploads_fresh_outputs(run, folder):
    (folder / "outputs").mkdir()
    (folder / "outputs" / "model.pkl").write_text("m")
    run.complete()
    assert run.get_status() == "Completed"
    assert run.get_file_names() == ["outputs/model.pkl"]
    details = run.get_details_with_logs()
    assert details["logFiles"] == {}
    assert details["status"] == "Completed"
    assert "error" not in details
    assert details["properties"]["ContentSnapshotId"] == run.get_snapshot_id()


def test_with_block_reports_how_it_ended(transactional_db, ws, folder):
    experiment = Experiment(ws, "trial")
    with experiment.start_logging() as run:
        print("hello from the block")
    assert run.get_status() == "Completed"
    assert b"hello from the block" in run._files.read("logs/user_log.txt")
    with pytest.raises(ValueError, match="boom"), experiment.start_logging() as failed:
        raise ValueError("boom")
    details = failed.get_details()
    assert details["status"] == "Failed"
    assert details["error"]["error"]["message"] == "ValueError: boom"
    with pytest.raises(SystemExit), experiment.start_logging() as clean:
        sys.exit(0)
    assert clean.get_status() == "Completed"


def test_tags_properties_and_names(run):
    run.tag("quality", "good")
    run.set_tags({"epochs": 3, "none": None})
    run.add_properties({"accuracy": 0.5})
    run.display_name = "Nice name"
    assert run.get_tags()["epochs"] == "3"
    assert run.get_properties()["accuracy"] == "0.5"
    assert run.display_name == "Nice name"
    run.remove_tags(["quality"])
    assert "quality" not in run.get_tags()
    again = Run.get(run.experiment.workspace, run.id)
    assert (again.id, again.name, again.number) == (run.id, "Nice name", 1)
    with pytest.raises(UserErrorException, match="no run 'nope'"):
        Run.get(run.experiment.workspace, "nope")


def test_children(run, caplog):
    child = run.child_run("fold 1")
    child.log("auc", 0.5)
    child.complete()
    more = run.create_children(tag_key="fold", tag_values=["a", "b"])
    assert [item.get_tags()["fold"] for item in more] == ["a", "b"]
    assert not caplog.records
    assert {item.id for item in run.get_children()} == {child.id, *(item.id for item in more)}
    assert [item.id for item in run.get_children(status="Completed")] == [child.id]
    assert child.parent.id == run.id
    assert run.get_metrics(recursive=True) == {child.id: {"auc": 0.5}}


def test_list_narrows(run):
    run.tag("kind", "x")
    experiment = run.experiment
    assert [item.id for item in Run.list(experiment, tags={"kind": "x"})] == [run.id]
    assert list(Run.list(experiment, tags="missing")) == []
    assert list(Run.list(experiment, status="Completed")) == []


def test_one_snapshot_each(run, tmp_path):
    with pytest.raises(SnapshotException, match="already"):
        run.take_snapshot(".")
    path = run.restore_snapshot(path=str(tmp_path))
    import zipfile

    assert zipfile.ZipFile(path).namelist() == ["notebook.py"]


def test_the_same_folder_is_uploaded_once(run):
    other = run.experiment.start_logging()
    assert other.get_snapshot_id() == run.get_snapshot_id()


def test_a_model_is_registered_from_files_of_the_run_alone(run):
    with pytest.raises(ModelPathNotFoundException, match="has no file or folder 'm'"):
        run.register_model("m")


def test_repr_names_the_run(run):
    assert run.id in repr(run)
    assert "Link to the studio" in run._repr_html_()


def test_an_ended_run_takes_no_more_metrics_of_any_kind_and_says_so(run, ws, tmp_path, capsys):
    unaware = Run.get(ws, run.id)
    run.complete()
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    for log in (
        lambda: run.log("a", 1),
        lambda: run.log_list("a", [1]),
        lambda: run.log_row("a", b=1),
        lambda: run.log_table("a", {"b": [1]}),
        lambda: run.log_image("a", path=str(image)),
        lambda: run.log_residuals("a", {}),
    ):
        with pytest.raises(UserErrorException, match="is Completed; it accepts no more metrics"):
            log()
    unaware.log("a", 1)
    unaware.flush()
    assert "the server refused 1 metric(s) (a)" in capsys.readouterr().err
    assert (run.get_metrics(), run.get_file_names()) == ({}, [])
    # What people add later is kept.
    run.tag("seen")
    run.upload_file("later.png", str(image))
    assert run.get_file_names() == ["later.png"]
