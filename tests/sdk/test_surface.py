"""Old scripts can be imported: every documented name is there, real or as a stand-in that says what is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from azureml._absent import is_placeholder
from lazuli.errors import NotAvailable

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_sdk_table", ROOT / "docs" / "generate_sdk_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_every_documented_class_can_be_imported(generator):
    lost = [key for key in generator.surface() if generator.find(*key) is None]
    assert lost == []


def test_real_classes_have_every_member_and_parameter(generator):
    lost = [
        f"{module}.{name}.{member['member']}"
        for (module, name), members in generator.surface().items()
        if (cls := generator.find(module, name)) is not None and not is_placeholder(cls)
        for member in members
        if generator.uncovered(cls, member) in ("member", "parameters")
    ]
    assert lost == []


def test_the_table_in_the_docs_is_up_to_date(generator):
    assert generator.page() == generator.PAGE.read_text(encoding="utf-8"), "run python docs/generate_sdk_table.py"


def test_importing_is_light():
    loaded = python("import azureml.core, sys; print(*sys.modules)").stdout.split()
    assert not {"httpx", "yaml", "asyncio", "ssl", "azureml.core.workspace"} & set(loaded)


def test_importing_is_quick():
    # Its own time, for the machine may be busy with other tests.
    code = "import time; start = time.process_time(); import azureml.core; print(time.process_time() - start)"
    assert min(float(python(code).stdout) for _ in range(3)) <= 0.15


def test_old_imports_work():
    code = """
import azureml.core
from azureml.core import Workspace, Experiment, Model, Dataset, Datastore, Webservice, Image, Keyvault, Run, VERSION
from azureml.core.compute_target import ComputeTargetException
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice
from azureml.pipeline.core import Pipeline, PipelineData
from azureml.pipeline.steps import PythonScriptStep
from azureml.train.hyperdrive import choice, HyperDriveConfig
from azureml.train.automl import AutoMLConfig
from azureml.train.estimator import Estimator
from azureml.telemetry import set_diagnostics_collection
set_diagnostics_collection(send_diagnostics=True)
print(azureml.core.VERSION)
"""
    done = python(code)
    assert done.stdout.strip() == "1.62.0", done.stderr


@pytest.mark.parametrize(
    "first",
    [
        "azureml.pipeline.core",
        "azureml.train.hyperdrive",
        "azureml.data.datapath",
        "azureml.core.model",
        "azureml.interpret",
    ],
)
def test_any_package_may_be_imported_first(first):
    assert python(f"import {first}").returncode == 0


def test_submodules_need_no_import_of_their_own():
    code = "import azureml.core; print(azureml.core.compute.AmlCompute.__name__, azureml.core.model.Model.__name__)"
    assert python(code).stdout.strip() == "AmlCompute Model"


def test_a_stand_in_says_which_service_is_missing():
    from azureml.core import Dataset
    from azureml.train.hyperdrive import choice

    with pytest.raises(NotAvailable, match=r"Dataset.from_json_files needs the deprecated first kind"):
        Dataset.from_json_files("x.json")
    with pytest.raises(NotAvailable, match="the sweep service"):
        choice(1, 2)
    assert not isinstance("text", Dataset)


def test_a_wrong_name_is_still_an_import_error():
    import azureml.core

    with pytest.raises(ImportError):
        from azureml.core.model import Modell  # noqa: F401
    with pytest.raises(AttributeError):
        _ = azureml.core.Workspaces
    with pytest.raises(ModuleNotFoundError):
        import azureml.nothing


def test_public_names_are_listed():
    import azureml.core

    assert set(azureml.core.__all__) <= set(dir(azureml.core))
    assert len(azureml.core.__all__) == 25


def test_diagnostic_log_writes_a_file(tmp_path):
    import logging

    from azureml.core import diagnostic_log

    with diagnostic_log(str(tmp_path / "debug.log"), context_name="100%"):
        logging.getLogger("azureml.x").debug("seen")
    logging.getLogger("azureml.x").debug("not seen")
    text = (tmp_path / "debug.log").read_text()
    assert "100% azureml.x DEBUG seen" in text and "not seen" not in text
