"""No argument of the SDK is dropped silently: it is used, refused, or named by a warning."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from azureml.core import Dataset, Datastore, Environment, Experiment, Workspace
from lazuli import file_batches
from lazuli.data import transfer
from lazuli.errors import NotFound, Refused

SOURCE = Path(__file__).parents[2] / "sdk" / "src" / "azureml"
# What is never read, with the reason why nobody misses its effect.
HARMLESS = {
    "DockerBuildContext.from_local_directory": {
        "workspace": "the folder is uploaded when the environment is registered"
    },
    "InferenceConfig.build_create_payload": {"name": "the service's, which its caller adds"},
    "LoggedBlock.end": {"traceback": "the exception has it"},
    "AbstractAuthentication.get_token": {"scopes": "there is one kind of token", "kwargs": "the same"},
    "Environment.get_image_details": {"workspace": "no workspace has an image"},
    "Model.__init__": {"expand": "a model always has its details"},
    "Model.list": {"expand": "a model always has its details"},
    "get_run": {"clean_up": "nothing is created"},
    "Run.get_context": {"used_for_context_manager": "the run is the same"},
    "LinkOutput.link": {"run": "the run is that of the script"},
    "Run.upload_files": {"return_artifacts": "they are always returned"},
    "Run.download_files": {"batch_size": "the files are the same"},
    "LocalWebservice.list": {"all": "only those of this process are known"},
    "LocalWebservice.get_logs": {"raw": "the log is always raw"},
    "LocalWebservice.delete": {
        "delete_cache": "there is no image",
        "delete_image": "there is no image",
        "delete_volume": "there is no volume",
    },
    "list_models": {"workspace": "the server finds them"},
    "Webservice.check_for_existing_webservice": {
        "request_func": "of Azure's routes",
        "check_func": "of Azure's routes",
    },
    "Workspace.__init__": {"sku": "read from the server", "tags": "read from the server"},
    "Workspace.get": {"cloud": "a server is no cloud of Azure"},
    "Workspace.create": {"private_endpoint_auto_approval": "private endpoints are refused"},
    "Workspace.delete": {"no_wait": "it is done when the call returns"},
    "AzureBlobDatastore.__init__": {"request_session": "of Azure's client"},
    "AzureFileDatastore.__init__": {"request_session": "of Azure's client"},
    "FileDatasetFactory.from_files": {"is_file": "saves Azure a request"},
    "TabularDataset.time_before": {"validate": "the column is always checked"},
    "TabularDataset.time_after": {"validate": "the column is always checked"},
    "TabularDataset.time_between": {"validate": "the column is always checked"},
    "TabularDataset.time_recent": {"validate": "the column is always checked"},
    "TabularDataset.partition_by": {"show_progress": "nothing is printed"},
}


def find_unread():
    """Each public function by its name, with the arguments that it never reads; not those that only refuse."""
    for path in sorted(SOURCE.rglob("*.py")):
        # An offline run stores nothing, and says so.
        if path.name == "_offline_run.py":
            continue
        for owner in ast.walk(ast.parse(path.read_text())):
            if not isinstance(owner, (ast.Module, ast.ClassDef)) or getattr(owner, "name", "").startswith("_"):
                continue
            for function in owner.body:
                if isinstance(function, ast.FunctionDef) and is_public(function.name) and not is_refusal(function):
                    name = f"{owner.name}.{function.name}" if isinstance(owner, ast.ClassDef) else function.name
                    yield name, list_unread(function)


def is_public(name):
    return name == "__init__" or not name.startswith("_")


def is_refusal(function):
    statements = [
        each for each in function.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    ]
    return all(isinstance(each, (ast.Raise, ast.Pass)) for each in statements)


def list_unread(function):
    given = function.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    # Keywords that are read by their names leave the others unread.
    by_name = [node.value for node in nodes if isinstance(node, ast.Subscript)]
    by_name += [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr in ("get", "pop")]
    keywords = given.kwarg.arg if given.kwarg else None
    names = [node for node in nodes if isinstance(node, ast.Name)]
    read = {node.id for node in names if node.id != keywords or node not in by_name}
    unread = {each.arg for each in every if each and is_public(each.arg)} - read - {"self", "cls"}
    return set() if "locals" in read else unread


def test_every_argument_is_read_or_harmless():
    unread = {name: arguments for name, arguments in find_unread() if arguments}
    assert unread == {name: set(reasons) for name, reasons in HARMLESS.items()}


def test_settings_of_azure_alone_are_named_by_a_warning(ws):
    with pytest.warns(
        UserWarning, match=r"Workspace\.create: system_datastores_auth_mode, v1_legacy_mode have no effect"
    ):
        Workspace.create(
            "other",
            subscription_id="s",
            resource_group="g",
            v1_legacy_mode=True,
            system_datastores_auth_mode="identity",
        )
    no_effect = "register_azure_blob_container: grant_workspace_access has no effect"
    with pytest.warns(UserWarning, match=no_effect), pytest.raises(Refused, match="'c' is not a name"):
        Datastore.register_azure_blob_container(
            ws, "blobs", "c", "account", grant_workspace_access=True, skip_validation=True
        )
    with pytest.warns(UserWarning, match=r"Environment: image has no effect"):
        Environment("e", image="mine")
    with pytest.warns(UserWarning, match=r"Experiment\.start_logging: name has no effect"):
        Experiment(ws, "metrics").start_logging(snapshot_directory=None, name="mine").complete()


def test_the_description_of_metrics_is_named_once_in_a_run(ws, recwarn):
    run = Experiment(ws, "metrics").start_logging(snapshot_directory=None)
    run.log("loss", 1)
    assert not recwarn.list
    for _ in range(2):
        run.log("loss", 1, "of the training")
        run.log_row("row", "of a row", a=1)
    run.complete()
    assert [str(each.message) for each in recwarn] == ["Run.log ('loss'): description has no effect here."]


def test_files_that_are_not_found_are_left_out_on_request(ws, tmp_path, monkeypatch):
    # The threads of a pool would not see the database of this test.
    monkeypatch.setattr(transfer, "THREADS", 1)
    store = ws.get_default_datastore()
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    Dataset.File.upload_directory(str(tmp_path), (store, "d"), show_progress=False)
    files = Dataset.File.from_files((store, "d"))
    download = file_batches.download_batch

    def lose(client, address, pairs):
        kept = [pair for pair in pairs if not pair[0].endswith("a.csv")]
        return [*download(client, address, kept), *(path for path, _ in pairs if path.endswith("a.csv"))]

    monkeypatch.setattr(file_batches, "download_batch", lose)
    with pytest.raises(NotFound):
        files.download(str(tmp_path / "failed"))
    with pytest.warns(UserWarning, match=r"d/a\.csv is left out"):
        assert files.download(str(tmp_path / "to"), ignore_not_found=True) == [str(tmp_path / "to" / "b.csv")]
    nothing = Dataset.File.from_files((store, "none/*"), validate=False)
    with pytest.warns(UserWarning, match="do not match any files"):
        assert nothing.download(ignore_not_found=True) == []
