"""Outputs of runs as values: each change makes another one, and what they cannot be is refused."""

import pytest
from azureml.data import LinkFileOutputDatasetConfig, OutputFileDatasetConfig
from azureml.data.dataset_factory import DataType
from lazuli.errors import NotAvailable, UserErrorException


def test_changes_make_other_ones_and_leave_the_first_as_it_was():
    output = OutputFileDatasetConfig("out", source="outputs/rows")
    upload = output.as_upload(overwrite=True, source_globs="**/*.csv")
    assert (output.mode, upload.mode, upload.as_mount().mode) == ("mount", "upload", "mount")
    table = upload.read_delimited_files(
        include_path=True, header=False, partition_format="{year}", set_column_types={"a": DataType.to_long()}
    )
    changed = table.keep_columns(["a", "b"]).drop_columns("b").as_upload(source_globs=["*.tsv"]).as_mount()
    assert [step["type"] for step in changed._steps] == ["read_delimited", "keep_columns", "drop_columns"]
    first = table._steps[0]
    assert (first["header"], first["include_path"], first["partition_format"]) == (0, True, "{year}")
    assert first["column_types"]["a"]["type"] == "long" and len(table._steps) == 1
    assert output.read_parquet_files()._steps[0]["type"] == "read_parquet"


def test_a_registration_and_the_text_of_the_argument():
    output = OutputFileDatasetConfig("out")
    registered = output.register_on_complete("rows", "of this run", {"a": "b"})
    assert (registered._registration.name, output._registration) == ("rows", None)
    assert str(output) == output.arg_val == "DatasetOutputConfig:out"


def test_what_an_output_cannot_be_is_refused():
    with pytest.raises(UserErrorException, match="'no name' is not allowed"):
        OutputFileDatasetConfig("no name")
    with pytest.raises(UserErrorException, match="destination is a pair"):
        OutputFileDatasetConfig("out", destination="folder")
    output = OutputFileDatasetConfig("out")
    with pytest.raises(NotAvailable, match="pipelines"):
        LinkFileOutputDatasetConfig("out").as_input()
    with pytest.raises(NotAvailable, match="pipelines"):
        output.as_input()
    with pytest.raises(NotAvailable, match="pipelines"):
        output.read_parquet_files().random_split(0.5)
