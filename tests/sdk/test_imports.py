"""What public code imports is there: real, or as a stand-in that refuses in words when it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from azureml import _absent
from azureml.core import Experiment
from azureml.exceptions import AzureMLException, ServiceException, UserErrorException
from lazuli.errors import NotAvailable
from lazuli.runs import snapshots

# One statement a line, of Microsoft's notebooks and of other people's scripts.
IMPORTS = Path(__file__).with_name("imports.txt").read_text().splitlines()


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_each_statement_works_in_a_script():
    lost = "for line in sys.stdin.read().splitlines():\n    try: exec(line, {})\n    except ImportError as e: print(line, e)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{lost}"],
        input="\n".join(IMPORTS),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "import azureml.dataprep as dprep; dprep.read_csv('a.csv')",
        "from azureml.opendatasets import MNIST; MNIST.get_file_dataset()",
        "from azureml.explain.model.tabular_explainer import TabularExplainer; TabularExplainer(1, 2)",
        "from azureml._restclient.run_client import RunClient; RunClient()",
        "from azureml.contrib.notebook import NotebookRunConfig; NotebookRunConfig(source_directory='.')",
    ],
)
def test_a_first_import_works_and_its_use_is_refused_with_a_message(line):
    code = f"""
try:
    {line}
except NotImplementedError as error:
    print(error.message)
"""
    assert "which this version of Lazuli Studio does not have yet" in python(code)


def test_a_real_private_module_has_no_placeholder():
    # `from azureml.mlflow import _project_backend` imports the module once the package says that it has no such name.
    with pytest.raises(AttributeError):
        _absent.find_missing("azureml.core")("_model_paths")


def test_a_name_that_never_was_is_no_module():
    with pytest.raises(ImportError):
        __import__("azureml.core.nothing_of_this_name")
    with pytest.raises(ImportError):
        __import__("azureml.nothing_of_this_name")
    import azureml.contrib.notebook as notebook

    assert not hasattr(notebook, "__wrapped__") and not hasattr(notebook, "_repr_html_")
    with pytest.raises(NotAvailable):
        notebook.NotebookRunConfig()


def test_a_class_is_the_same_wherever_it_is_imported_from():
    import azureml.core
    from azureml.core.dataset import Datastore
    from azureml.core.workspace import Webservice, WorkspaceException
    from azureml.data.tabular_dataset import DataType

    assert (Webservice, Datastore) == (azureml.core.Webservice, azureml.core.Datastore)
    assert DataType is importlib.import_module("azureml.data.dataset_factory").DataType
    assert WorkspaceException is importlib.import_module("azureml.exceptions").WorkspaceException


def test_each_module_of_core_and_data_has_the_private_names_of_sdk_v1():
    package = Path(_absent.__file__).parent
    for path in [*package.glob("core/**/[a-z]*.py"), *package.glob("data/[a-z]*.py")]:
        name = ".".join(("azureml", *path.relative_to(package).with_suffix("").parts))
        assert _absent.is_placeholder(importlib.import_module(name)._only_in_azure), name


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("from azureml._common.exceptions import AzureMLException as E", AzureMLException),
        ("from azureml._restclient.exceptions import ServiceException as E", ServiceException),
        ("from azureml._restclient.models.error_response import ErrorResponseException as E", ServiceException),
        ("from azureml.exceptions._azureml_exception import UserErrorException as E", UserErrorException),
        ("from azureml.train.automl.exceptions import ConfigException as E", None),
        ("from azureml.dataprep import ExecutionError as E", None),
    ],
)
def test_an_error_of_any_module_can_be_caught(line, same):
    names: dict = {}
    exec(line, names)
    assert same in (names["E"], None)
    with pytest.raises(KeyError):
        try:
            raise KeyError
        except names["E"]:
            pass


def test_scripts_ask_whether_they_run_offline():
    code = """
import azureml.core.run
from azureml.core.run import Run, _OfflineRun, _SubmittedRun
run = Run.get_context()
print(isinstance(run, _OfflineRun), type(run).__name__, run.__class__ == azureml.core.run._OfflineRun)
print(isinstance(run, _SubmittedRun))
"""
    assert python(code).splitlines() == ["True _OfflineRun True", "False"]


def test_the_limit_of_snapshots_is_raised_as_azures_documentation_says(tmp_path, monkeypatch):
    import azureml._restclient.snapshots_client as client
    from azureml._restclient.constants import RunStatus

    monkeypatch.setattr(snapshots, "MAX_BYTES", 1000)
    (tmp_path / "data.bin").write_bytes(bytes(1001))
    with pytest.raises(Exception, match="at most"):
        snapshots.collect_files(str(tmp_path))
    client.SNAPSHOT_MAX_SIZE_BYTES = 2000
    assert client.SNAPSHOT_MAX_SIZE_BYTES == snapshots.MAX_BYTES == 2000
    assert len(snapshots.collect_files(str(tmp_path))) == 1
    assert (RunStatus.COMPLETED, RunStatus.FAILED) == ("Completed", "Failed")


@pytest.fixture
def run(transactional_db, ws):
    return Experiment(ws, "curves").start_logging(snapshot_directory=None)


def test_the_page_of_an_mlflow_run(run, ws, monkeypatch):
    from azureml.mlflow import get_mlflow_tracking_uri, get_portal_url

    assert get_mlflow_tracking_uri(ws) == ws.get_mlflow_tracking_uri()
    mlflow = ModuleType("mlflow")
    mlflow.get_tracking_uri = ws.get_mlflow_tracking_uri
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)

    class OfMlflow:
        class info:
            run_id = run.id

    assert get_portal_url(OfMlflow()) == get_portal_url(run) == run.get_portal_url()
    mlflow.get_tracking_uri = lambda: "http://elsewhere"
    with pytest.raises(UserErrorException, match="not a workspace of Lazuli Studio"):
        get_portal_url(OfMlflow())


@pytest.fixture
def tensorboard(monkeypatch, tmp_path):
    """A stand-in for TensorBoard's program: it listens on its port and ends on SIGTERM."""
    package = tmp_path / "modules" / "tensorboard"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(
        "import http.server, sys\n"
        "port = int(sys.argv[sys.argv.index('--port') + 1])\n"
        "http.server.HTTPServer(('localhost', port), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))


def test_tensorboard_shows_a_copy_of_the_event_files(run, tensorboard, tmp_path):
    from azureml.tensorboard import Tensorboard

    from tests.up.running import free_port

    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"events")
    run.upload_file("logs/train/events.out.tfevents.1.host", str(tmp_path / "events.out.tfevents.1.host"))
    run.upload_file("logs/other.txt", str(tmp_path / "events.out.tfevents.1.host"))
    port, root = free_port(), tmp_path / "board"
    board = Tensorboard([run], local_root=str(root), port=port)
    root.mkdir()
    assert board.start() == f"http://localhost:{port}/"
    with pytest.raises(UserErrorException, match=f"The port {port} is in use"):
        Tensorboard(run, port=port).start()
    process = board._process
    board.stop()
    assert process.poll() is not None
    copied = [str(path.relative_to(root / run.id)) for path in root.rglob("*tfevents*")]
    assert copied == ["logs/train/events.out.tfevents.1.host"]


def test_without_tensorboard_it_says_what_to_install(run, tmp_path, monkeypatch):
    from azureml.tensorboard.export import export_to_tensorboard

    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserErrorException, match="pip install tensorboard"):
        export_to_tensorboard(run, str(tmp_path))
