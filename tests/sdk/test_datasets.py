"""SDK v1's datasets against the real application: the calls of a course, types, steps, versions, and what is refused."""

import datetime as dt
import warnings
from pathlib import Path

import duckdb
import pandas
import pytest
from azureml.core import Dataset, Datastore, Environment, Experiment, ScriptRunConfig
from azureml.core.run import InputDatasets, OutputDatasets
from azureml.data import LinkTabularOutputDatasetConfig, OutputFileDatasetConfig
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.data.dataset_factory import DataType
from azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from azureml.exceptions import DatasetTimestampMissingError, UserErrorException
from lazuli.data import engine, transfer
from lazuli.data.definitions import check_definition

from assets.data import exports
from tests.sdk.conftest import SERVER

ROWS = 'PatientID,Age,Ratio,When,Diabetic,Note\n1,21,0.5,2020-01-01,true,"a, b"\n2,,1.5,2020-01-02,false,\n3,43,,2020-02-03,true,c\n'


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    # Another thread would have another connection to the test's database.
    monkeypatch.setattr(transfer, "THREADS", 1)
    warnings.simplefilter("ignore", DeprecationWarning)


@pytest.fixture
def store(ws, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "diabetes.csv").write_text(ROWS)
    (folder / "diabetes2.csv").write_text("PatientID,Age,Ratio,When,Diabetic,Note\n4,bad,2,2020-03-01,true,d\n")
    store = ws.get_default_datastore()
    files = [str(folder / "diabetes.csv"), str(folder / "diabetes2.csv")]
    store.upload_files(files=files, target_path="diabetes-data/", overwrite=True, show_progress=True)
    return store


def put(store, path, data, tmp_path):
    (tmp_path / "one").write_bytes(data)
    transfer.upload_files(store.workspace._remote, store.name, [(str(tmp_path / "one"), path)], overwrite=True)


def test_a_table_is_read_with_the_types_of_its_first_rows(ws, store):
    table = Dataset.Tabular.from_delimited_files(path=(store, "diabetes-data/*.csv"))
    frame = table.to_pandas_dataframe()
    assert frame["PatientID"].tolist() == [1, 2, 3, 4] and str(frame["PatientID"].dtype) == "int64"
    # A gap and a value that does not fit are empty.
    assert str(frame["Age"].dtype) == "float64" and frame["Age"].isna().tolist() == [False, True, False, True]
    assert str(frame["When"].dtype) == "datetime64[ns]" and frame["Note"][0] == "a, b"
    assert table.take(1).to_pandas_dataframe()["Diabetic"].tolist() == [True]
    with pytest.raises(DatasetExecutionError, match=r"diabetes2\.csv, line 2, column 'Age': 'bad'"):
        table.to_pandas_dataframe(on_error="fail")
    assert table.id is None and table.name is None


def test_without_the_engine_the_studio_reads(ws, store, tmp_path, monkeypatch):
    table = Dataset.Tabular.from_delimited_files(path=(store, "diabetes-data/*.csv"))
    wanted = table.to_pandas_dataframe()
    monkeypatch.setattr(engine, "is_installed", lambda: False)
    # pyarrow, which reads the file for pandas, is not among the packages of the tests.
    monkeypatch.setattr(pandas, "read_parquet", lambda path, engine: duckdb.read_parquet(path).df())
    frame = table.to_pandas_dataframe()
    assert frame.to_csv() == wanted.to_csv() and frame.dtypes.equals(wanted.dtypes)
    with pytest.raises(DatasetExecutionError, match=r"diabetes2\.csv, line 2, column 'Age': 'bad'"):
        table.to_pandas_dataframe(on_error="fail")
    with pytest.raises(DatasetExecutionError, match="needs the packages duckdb and pandas"):
        Dataset.Tabular.register_pandas_dataframe(frame, (store, "out"), "frame", show_progress=False)
    monkeypatch.setattr(exports, "MAX_BYTES", 10)
    with pytest.raises(
        DatasetExecutionError, match=r"the studio reads up to 10 B for a client. Install lazuli-sdk\[data\]"
    ):
        table.take(1).to_pandas_dataframe()


def test_steps_make_new_datasets(ws, store):
    table = Dataset.Tabular.from_delimited_files((store, "diabetes-data/diabetes.csv"), include_path=True)
    kept = table.keep_columns(["PatientID", "Age"]).rename_columns({"Age": "age"})
    assert list(kept.to_pandas_dataframe().columns) == ["PatientID", "age"]
    wanted = table.filter((table["PatientID"] > 1) & ~table["Note"].is_null())
    assert wanted.drop_columns("Ratio").to_pandas_dataframe()["PatientID"].tolist() == [3]
    assert table.skip(1).take(1).to_pandas_dataframe()["Path"].tolist() == ["/diabetes-data/diabetes.csv"]
    first, second = table.random_split(0.5, seed=7)
    numbers = [*first.to_pandas_dataframe()["PatientID"], *second.to_pandas_dataframe()["PatientID"]]
    assert sorted(numbers) == [1, 2, 3]
    with pytest.raises(DatasetExecutionError, match=r"no column 'Agee'\. The columns are PatientID, Age"):
        table.keep_columns("Agee").to_pandas_dataframe()
    with pytest.raises(UserErrorException, match="brackets"):
        table.filter(table["Age"] > 1 and table["Age"] < 3)
    timed = table.with_timestamp_columns("When", validate=True)
    assert timed.time_after(dt.datetime(2020, 1, 2)).to_pandas_dataframe()["PatientID"].tolist() == [2, 3]
    assert timed.time_between(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2), include_boundary=False).take(5)
    with pytest.raises(DatasetTimestampMissingError):
        table.time_before(dt.datetime(2020, 1, 1))


def test_a_filter_by_time_reads_only_the_partitions_that_can_have_it(ws, store, tmp_path):
    put(store, "t/2020/01/x.csv", b"when,v\n2020-01-01,1\n", tmp_path)
    put(store, "t/2020/02/x.csv", b"when,v\n2020-02-01,2,broken\n", tmp_path)
    table = Dataset.Tabular.from_delimited_files((store, "t/**"), partition_format="/{part:yyyy/MM}/x.csv")
    timed = table.with_timestamp_columns("when", "part")
    assert timed.time_before(dt.datetime(2020, 1, 15)).to_pandas_dataframe()["v"].tolist() == [1]
    with pytest.raises(DatasetExecutionError, match=r"t/2020/02/x\.csv, line 2"):
        timed.time_after(dt.datetime(2020, 2, 1)).to_pandas_dataframe()
    with pytest.raises(DatasetTimestampMissingError, match="a step has dropped it"):
        timed.keep_columns("v").time_before(dt.datetime(2020, 1, 15))
    with pytest.raises(DatasetValidationError, match="'v' is not a datetime; it is a long"):
        table.with_timestamp_columns("v")
    with pytest.raises(DatasetValidationError, match=r"no column 'w'. The columns are when, v"):
        table.with_timestamp_columns("w")


def test_what_readers_do_with_odd_files(ws, store, tmp_path):
    def read(path, data, **given):
        put(store, path, data, tmp_path)
        return Dataset.Tabular.from_delimited_files((store, path), **given).to_pandas_dataframe().to_dict("list")

    assert read("a.csv", 'a,b\n1,"x\ny"\n2,z\n'.encode("utf-16"), encoding="utf16") == {"a": [1, 2], "b": ["x\ny", "z"]}
    assert read("b.csv", b"a,A,a\n1,2,3\n") == {"a": [1], "A_1": [2], "a_2": [3]}
    assert read("c.csv", b"Path,b\n1,2\n", include_path=True) == {"b": [2], "Path": ["/c.csv"]}
    put(store, "d/a.csv", b"a,b\n1,2\n", tmp_path)
    put(store, "d/b.csv", b"c\n3\n", tmp_path)
    both = Dataset.Tabular.from_delimited_files((store, "d"), header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS)
    assert both.to_pandas_dataframe()["c"].tolist()[1] == 3
    with pytest.raises(DatasetExecutionError, match=r"no column 'zz'"):
        Dataset.Tabular.from_delimited_files((store, "d/a.csv"), set_column_types={"zz": DataType.to_long()})
    put(store, "e.jsonl", b'{"a": 1, "b": "x", "c": {"d": 1}}\noops\n{"a": 3}\n', tmp_path)
    lines = Dataset.Tabular.from_json_lines_files((store, "e.jsonl"), invalid_lines="drop").to_pandas_dataframe()
    assert lines["a"].tolist() == [1, 3] and lines["b"][0] == "x" and lines["c"][0] == '{"d":1}'
    recent = Dataset.File.from_files((store, "d"))
    assert recent.filter(recent.file_metadata("CreatedTime") > dt.datetime(2020, 1, 1)).to_path() == [
        "/a.csv",
        "/b.csv",
    ]
    frame = lines[["a"]].assign(k=["p", "q"])
    made = Dataset.Tabular.register_pandas_dataframe(frame, (store, "f"), "frame", show_progress=False)
    parts = made.partition_by(["k"], (store, "g"))
    assert parts.partition_keys == ["k"] and parts.get_partition_key_values() == [{"k": "p"}, {"k": "q"}]
    assert parts.to_pandas_dataframe()["a"].tolist() == [1, 3]
    slashed = Dataset.Tabular.register_pandas_dataframe(frame.assign(k="p/q"), (store, "h"), "h", show_progress=False)
    with pytest.raises(UserErrorException, match="'p/q', a value of 'k', cannot be the name of a folder"):
        slashed.partition_by(["k"], (store, "g"))


def test_files_are_listed_and_downloaded_without_their_common_folder(ws, store, tmp_path):
    files = Dataset.File.from_files(path=(store, "diabetes-data/*.csv"))
    assert files.to_path() == ["/diabetes.csv", "/diabetes2.csv"]
    target = tmp_path / "target"
    assert files.download(str(target)) == [str(target / "diabetes.csv"), str(target / "diabetes2.csv")]
    with pytest.raises(UserErrorException, match=r"already exists\. Set overwrite=True"):
        files.download(str(target))
    with files.take(1).mount() as mounted:
        assert (Path(mounted.mount_point) / "diabetes.csv").read_text() == ROWS
    assert not Path(mounted.mount_point).exists()
    assert files.filter(files.file_metadata("Size") < 100).to_path() == ["/diabetes2.csv"]
    with pytest.raises(DatasetExecutionError, match="do not match any files"):
        Dataset.File.from_files((store, "nothing/*.csv"))
    with pytest.raises(DatasetValidationError, match=r"without \.\."):
        Dataset.File.from_files((store, "a/../b"))


def test_a_table_becomes_files_when_they_are_downloaded(ws, store, tmp_path):
    table = Dataset.Tabular.from_delimited_files((store, "diabetes-data/diabetes.csv"))
    made = table.keep_columns(["PatientID", "Age"]).take(1).to_csv_files(separator=";").register(ws, "as csv")
    found = Dataset.get_by_name(ws, "as csv")
    assert type(found).__name__ == "FileDataset" and found.to_path() == ["/part_00000.csv"] and made.version == 1
    (path,) = found.download(str(tmp_path / "csv"))
    assert Path(path).read_text().splitlines()[0] == "PatientID;Age"
    with table.to_parquet_files().mount() as mounted:
        rows = engine.read_parquet(str(Path(mounted.mount_point) / "part_00000.parquet"))
    assert rows["PatientID"].tolist() == table.to_pandas_dataframe()["PatientID"].tolist()
    with pytest.raises(DatasetExecutionError, match="There is no column 'nothing'"):
        table.keep_columns("nothing").to_csv_files().download(str(tmp_path / "wrong"))
    step = {"type": "to_files", "table_steps": [{"type": "take", "count": 1}]}
    for kind, steps, said in (
        ("file", [step], "The first step, and no other, reads files"),
        ("file", [{"type": "take", "count": 1}, step], "in the first step of a dataset of files"),
        ("tabular", [{"type": "read_parquet"}, step], "in the first step of a dataset of files"),
    ):
        with pytest.raises(DatasetValidationError, match=said):
            check_definition({"kind": kind, "paths": [{"datastore": "x", "path": "y"}], "steps": steps})


def test_a_mount_removes_only_its_own_files(ws, store, tmp_path):
    files, folder = Dataset.File.from_files(path=(store, "diabetes-data/*.csv")), tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    mounted = files.mount(str(folder))
    with pytest.raises(UserErrorException, match="has files already"):
        mounted.start()
    mounted.stop()
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    with files.mount(str(folder)):
        assert len(list(folder.iterdir())) == 2
    assert list(folder.iterdir()) == []


def test_datasets_are_registered_with_versions_and_found(ws, store):
    table = Dataset.Tabular.from_delimited_files((store, "diabetes-data/*.csv"))
    named = table.register(ws, name="diabetes dataset", description="d", tags={"format": "CSV"})
    assert (named.name, named.version, named.tags) == ("diabetes dataset", 1, {"format": "CSV"}) and named.id
    assert table.register(ws, "diabetes dataset").version == 1
    other = table.keep_columns(["Age"])
    with pytest.raises(UserErrorException, match="create_new_version=True"):
        other.register(ws, "diabetes dataset")
    assert other.register(ws, "diabetes dataset", create_new_version=True).version == 2
    assert list(ws.datasets.keys()) == ["diabetes dataset"] and "x" not in ws.datasets
    assert Dataset.get_by_name(ws, "diabetes dataset").version == 2
    first = Dataset.get_by_name(ws, "diabetes dataset", version=1)
    assert first.id == named.id and Dataset.get_by_id(ws, first.id).name == "diabetes dataset"
    assert first.add_tags({"a": "b"}).tags == {"format": "CSV", "a": "b"} and first.remove_tags("a").tags == {
        "format": "CSV"
    }
    assert '"definition"' in repr(first) and "ParseDelimited" in repr(first)
    better = other.register(ws, "better")
    first.deprecate(better.id)
    with pytest.warns(UserWarning, match="diabetes dataset is deprecated; use better instead"):
        Dataset.get_by_name(ws, "diabetes dataset", version=1)
    with pytest.raises(UserErrorException, match="cannot replace itself"):
        first.deprecate(first.id)
    first.archive()
    assert "diabetes dataset" not in ws.datasets
    first.reactivate()
    assert "diabetes dataset" in ws.datasets
    better.unregister_all_versions()
    first.unregister_all_versions()
    assert not ws.datasets and Dataset.get_by_id(ws, named.id).name is None
    with pytest.raises(UserErrorException, match="Cannot find dataset registered with name"):
        Dataset.get_by_name(ws, "diabetes dataset")


def test_bad_files_are_refused_with_file_and_line(ws, store, tmp_path):
    put(store, "bad/ragged.csv", b"a,b\n1,2\n3\n", tmp_path)
    with pytest.raises(DatasetExecutionError, match=r"bad/ragged.csv, line 3: 1 column, where the header has 2"):
        Dataset.Tabular.from_delimited_files((store, "bad/ragged.csv")).to_pandas_dataframe()
    put(store, "bad/latin.csv", "a,b\n1,é\n".encode("latin-1"), tmp_path)
    with pytest.raises(DatasetExecutionError, match=r"bad/latin.csv, line 2: byte 0xe9 is not utf8"):
        Dataset.Tabular.from_delimited_files((store, "bad/latin.csv"))
    read = Dataset.Tabular.from_delimited_files((store, "bad/latin.csv"), encoding="latin1").to_pandas_dataframe()
    assert read["b"].tolist() == ["é"]
    put(store, "bad/x.csv", b"PK\x03\x04zip", tmp_path)
    with pytest.raises(DatasetExecutionError, match="zip archive"):
        Dataset.Tabular.from_delimited_files((store, "bad/x.csv"))
    put(store, "two/a.csv", b"a,b\n1,2\n", tmp_path)
    put(store, "two/b.csv", b"c,d\n1,2\n", tmp_path)
    with pytest.raises(DatasetExecutionError, match=r"two/b.csv, line 1: the header is c, d, but two/a.csv has a, b"):
        Dataset.Tabular.from_delimited_files((store, "two")).to_pandas_dataframe()
    with pytest.raises(UserErrorException, match=r"is the container images of the account store\. Register it"):
        Dataset.File.from_files("abfss://images@store.dfs.core.windows.net/x.csv")
    with pytest.raises(UserErrorException, match="write abfss://"):
        Dataset.File.from_files("adl://images/x.csv")
    with pytest.raises(UserErrorException, match="contains a slash"):
        Dataset.File.from_files((store, "two")).register(ws, "a/b")
    assert not ws.datasets


def test_an_address_of_azure_is_a_path_in_the_datastore_of_its_container(ws, settings):
    settings.DATASTORE_HOSTS = ["store.blob.core.windows.net"]
    given = {"account_name": "store", "account_key": "aGlkZGVu", "skip_validation": True}
    Datastore.register_azure_blob_container(ws, "lake", "images", **given)
    for start in ("abfss://images@store.dfs.core.windows.net", "wasbs://images@store.blob.core.windows.net"):
        made = Dataset.File.from_files([f"{start}/in/*.csv", f"{start}/out"], validate=False)
        paths = [{"datastore": "lake", "path": path} for path in ("in/*.csv", "out")]
        assert made._definition["paths"] == paths and made._workspace.name == ws.name


def test_partitions_and_given_types(ws, store, tmp_path):
    put(store, "p/de/2024/01/x.csv", b"n\n007\n", tmp_path)
    put(store, "p/fr/2024/02/x.csv", b"n\n008\n", tmp_path)
    table = Dataset.Tabular.from_delimited_files(
        (store, "p/**"),
        partition_format="/{country}/{month:yyyy/MM}/x.csv",
        set_column_types={"n": DataType.to_string()},
    )
    frame = table.to_pandas_dataframe()
    assert frame["n"].tolist() == ["007", "008"] and frame["country"].tolist() == ["de", "fr"]
    assert frame["month"].tolist() == [dt.datetime(2024, 1, 1), dt.datetime(2024, 2, 1)]
    assert table.get_partition_key_values(["country"]) == [{"country": "de"}, {"country": "fr"}]


def test_a_job_names_its_data_and_what_it_reads_is_recorded(ws, store, cluster, tmp_path):
    from assets.data.models import DataVersion
    from runs.models import Run

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("")
    table = Dataset.Tabular.from_delimited_files((store, "diabetes-data/*.csv")).register(ws, "diabetes dataset")
    files = Dataset.File.from_files((store, "diabetes-data/*.csv"))
    config = ScriptRunConfig(
        str(tmp_path / "src"),
        "train.py",
        arguments=[
            *("--input-data", table.as_named_input("training_data")),
            *("--files", files.as_named_input("training_files").as_download()),
            *("--out", OutputFileDatasetConfig("prepped").register_on_complete("prepped data")),
            *("--link", LinkTabularOutputDatasetConfig("chosen").register_on_complete("chosen rows")),
            *("--ref", store.path("diabetes-data").as_mount()),
        ],
        compute_target="cpu-cluster",
        environment=Environment("e"),
    )
    details = Experiment(ws, "exp").submit(config).get_details()
    assert {each["consumptionDetails"]["inputName"] for each in details["inputDatasets"]} == {
        "training_data",
        "training_files",
    }
    run = Run.objects.get()
    arguments = run.job["commandArgv"]
    assert arguments[3] == table.id and arguments[5] == "DatasetConsumptionConfig:training_files"
    assert arguments[7] == "DatasetOutputConfig:prepped" and arguments[11].startswith("$AZUREML_DATAREFERENCE_")
    assert {(link.context, link.name) for link in run.datasets.all()} >= {("training_data", "diabetes dataset")}
    spec = run.work.spec
    assert [item["mode"] for item in spec["inputs"]] == ["direct", "download", "mount"]
    assert [item["registration"]["name"] for item in spec["outputs"]] == ["prepped data", "chosen rows"]
    assert spec["outputs"][1]["mode"] == "link"
    with pytest.raises(UserErrorException, match="as_named_input"):
        Experiment(ws, "exp").submit(ScriptRunConfig(str(tmp_path / "src"), "train.py", arguments=[table]))
    files.register(ws, "prepped data")
    DataVersion.objects.filter(asset__name="prepped data").update(made_by_run=run.run_id)
    output = ws.get_run(run.run_id).get_details()["outputDatasets"][0]
    assert output["outputDetails"] == {"outputName": "prepped"} and output["dataset"]["name"] == "prepped data"


def test_a_script_finds_its_inputs_and_outputs_like_those_of_a_dictionary(monkeypatch):
    monkeypatch.setenv("AZUREML_DATASET_ENVIRONMENT_VARS", "images:mount")
    monkeypatch.setenv("images", "/data/images")
    monkeypatch.setenv("AZUREML_DATASET_FILE_OUTPUTS", "model;plots")
    monkeypatch.setenv("model", "/data/model")
    monkeypatch.setenv("plots", "/data/plots")
    inputs, outputs = InputDatasets(None), OutputDatasets(None)
    assert inputs.get("images") == "/data/images" and inputs.get("labels", "none") == "none"
    assert repr(inputs) == "{'images': '/data/images'}" and "plots" in outputs
    assert dict(outputs.items()) == {"model": "/data/model", "plots": "/data/plots"} and len(outputs) == 2
    with pytest.raises(KeyError, match="no output named 'other'"):
        outputs["other"]


def test_a_runner_fetches_inputs_and_stores_outputs(ws, store, tmp_path, monkeypatch):
    from lazuli.runner.run_data import RunData
    from lazuli.runner.spec import Spec

    files = Dataset.File.from_files((store, "diabetes-data/*.csv")).register(ws, "files")
    one = Dataset.File.from_files((store, "diabetes-data/diabetes2.csv")).register(ws, "one file")
    workspace_path = {
        "subscription_id": "sdk-tests",
        "resource_group": "aml-resources",
        "workspace_name": "aml-workspace",
    }
    registration = {"name": "prepped", "datasetRegistrationOptions": {}}
    inputs = [
        {"name": "a", "mode": "mount", "variable": "a", "dataset_id": files.id, "path_on_compute": "/etc/../deep"},
        {"name": "ab", "mode": "download", "variable": "OTHER", "dataset_id": one.id},
        {"name": "c", "mode": "direct", "variable": "c", "dataset_id": files.id},
    ]
    output = {"name": "out", "mode": "upload", "datastore": None, "path": None, "overwrite": False, "globs": ["*.csv"]}
    content = {"run_id": "r1", "experiment": "e", "server_url": SERVER, "argv": ["x"], "workspace": workspace_path}
    link = {**output, "name": "link", "mode": "link", "registration": {"name": "linked"}}
    outputs = [{**output, "registration": registration}, link]
    spec = Spec.from_dict({**content, "inputs": inputs, "outputs": outputs}, "")
    spec.token = ws._client.token()
    data = RunData(spec, str(tmp_path / "node"))
    data.fetch_inputs()
    data.make_outputs()
    folder = Path(data.variables["a"])
    assert folder == tmp_path / "node/inputs/a/etc/deep" and sorted(path.name for path in folder.iterdir()) == [
        "diabetes.csv",
        "diabetes2.csv",
    ]
    assert not (folder / "diabetes.csv").stat().st_mode & 0o222
    assert data.variables["OTHER"].endswith("inputs/ab/diabetes2.csv") and data.variables["c"] == files.id
    text = data.replace_texts("DatasetConsumptionConfig:ab DatasetConsumptionConfig:a DatasetOutputConfig:out")
    assert text == f"{data.variables['ab']} {folder} {data.variables['out']}"
    assert data.variables["AZUREML_DATASET_ENVIRONMENT_VARS"] == "a:mount,ab:download,c:direct"
    (Path(data.variables["out"]) / "x.csv").write_text("a\n1\n")
    (Path(data.variables["out"]) / "secret.csv").symlink_to("/etc/hostname")
    for name in ("link", "out", "AZUREML_DATASET_FILE_OUTPUTS", "AZUREML_DATASET_LINK_OUTPUTS"):
        monkeypatch.setenv(name, data.variables[name])
    found = OutputDatasets(ws)
    with pytest.raises(UserErrorException, match="Only a dataset can be linked"):
        found["link"].link("files")
    found["link"].link(files.take(1))
    assert found["out"] == data.variables["out"]
    data.store_outputs(succeeded=False)
    assert "prepped" not in ws.datasets and "linked" not in ws.datasets
    data.store_outputs(succeeded=True)
    assert ws.datasets["linked"].to_path() == ["/diabetes.csv"]
    made = ws.datasets["prepped"]
    assert made.to_path() == ["/x.csv"] and made._definition["paths"][0]["path"] == "dataset/r1/out"
