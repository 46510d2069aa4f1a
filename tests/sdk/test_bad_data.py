"""Bad files: what is said of each names the file, and the line and column where they are known."""

import os

import pytest
from lazuli.data import reading_process
from lazuli.data.compiler import LocalFile
from lazuli.data.engine import Reader, write_parquet
from lazuli.data.errors import DatasetExecutionError

TEXT = {"type": "read_delimited", "column_types": {"a": {"type": "long"}}}
LINES, PARQUET = {"type": "read_json_lines"}, {"type": "read_parquet"}
ROWS = b"a,b\n1,x\n"
CASES = [
    (TEXT, {"a.csv": b"a,b\n1,2\n3\n"}, "a.csv, line 3: 1 column, where the header has 2"),
    (TEXT, {"a.csv": b"a,b\n1,x,y\n"}, "a.csv, line 2: 3 columns, where .* the first that differs is column 3"),
    (TEXT, {"a.csv": ROWS, "b.csv": b"a,b\n1,2,3\n"}, "b.csv, line 2: 3 columns"),
    (TEXT, {"a.csv": ROWS, "b.csv": b"a,c\n1,2\n"}, "b.csv, line 1: the header is a, c, but a.csv has a, b"),
    (TEXT, {"a.csv": b'a,b\n1,"x\n2,y\n'}, "a.csv, line 2: a quote is opened and not closed"),
    (TEXT, {"a.csv": b"a,b\n" + b"1,x\n" * 400_000 + b"2,\xe9\n"}, "a.csv, line 400002: the text is not UTF-8"),
    (
        {**TEXT, "encoding": "utf16"},
        {"a.csv": ROWS.decode().encode("utf-16") + b"\0\xd8\0"},
        "a.csv, line 3: the text is not utf16",
    ),
    (TEXT, {"a.csv": b"PK\x03\x04"}, "a.csv is a zip archive"),
    (TEXT, {"a.csv": b"\x1f\x8b0"}, "a.csv is compressed with gzip"),
    (TEXT, {"a.csv": b"PAR1"}, "a.csv is a parquet file, not text"),
    (TEXT, {"a.csv": b"a,b\n1,\0\n"}, "a.csv, line 2: a zero byte"),
    (TEXT, {"a.csv": b""}, "a.csv is empty"),
    (TEXT, {"a.csv": b"a" * 2_000_000}, "a.csv, line 1: the line is longer than 1 MB"),
    (LINES, {"a.jsonl": b'{"a": 1}\n{"a"\n'}, "a.jsonl, line 2, column 5: this is not JSON"),
    (LINES, {"a.jsonl": b'{"a": 1}\n7\n'}, "a.jsonl, line 2: this is not a JSON object"),
    (PARQUET, {"a.parquet": ROWS}, "a.parquet: this is not a parquet file"),
]


def write(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [LocalFile(str(folder / name), name) for name in files]


def read(reader, files, **given):
    found = Reader({"kind": "tabular", "paths": [{"url": "https://x"}], "steps": [reader]}, files, threads=1, **given)
    try:
        found.check_casts()
        return found.fetch_rows()
    finally:
        found.close()


@pytest.mark.parametrize(("reader", "files", "said"), CASES, ids=[case[2][:40] for case in CASES])
def test_a_bad_file_is_refused_with_its_place(tmp_path, monkeypatch, reader, files, said):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(DatasetExecutionError, match=said):
        read(reader, write(tmp_path, files))


def test_a_value_of_another_type_is_named_with_file_line_and_column(tmp_path):
    files = write(tmp_path, {"a.csv": ROWS, "b.csv": b'a,b\n1,"x\ny"\n\noops,x\n'})
    with pytest.raises(DatasetExecutionError, match=r"b\.csv, line 5, column 'a': 'oops' does not have the type"):
        read(TEXT, files)


def test_a_header_that_comes_twice_is_refused_before_anything_is_registered(tmp_path):
    (tmp_path / "a.csv").write_bytes(ROWS + ROWS)
    request = {"act": "infer", "infer": True, "definition": {"steps": [TEXT]}}
    answer = reading_process.answer_request({**request, "files": [(str(tmp_path / "a.csv"), "in/a.csv", False)]})
    assert answer == {"problem": "in/a.csv, line 3: the header comes a second time."}


def test_parquet_files_of_one_folder_have_the_same_columns(tmp_path):
    pandas = pytest.importorskip("pandas")
    files = write(tmp_path, {"a.parquet": b"", "b.parquet": b"", "c.parquet": b""})
    frames = [{"a": [1], "b": ["x"]}, {"a": [1.5], "b": ["x"]}, {"a": [1]}]
    for file, columns in zip(files, frames, strict=True):
        write_parquet(pandas.DataFrame(columns), file.local)
    with pytest.raises(DatasetExecutionError, match=r"b\.parquet: the column 'a' is DOUBLE, but BIGINT in a.parquet"):
        read(PARQUET, files[:2])
    with pytest.raises(DatasetExecutionError, match=r"c\.parquet has no column 'b', which a.parquet has"):
        read(PARQUET, [files[0], files[2]])


def test_a_line_of_two_gigabytes_is_refused_without_being_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS * 300_000)
    os.truncate(path, 2 * 1024**3)
    with pytest.raises(DatasetExecutionError, match=r"a\.csv, line 600001: the line is longer than 8 MB"):
        read(TEXT, [LocalFile(str(path), "a.csv")], memory="64MB")


def test_nothing_is_left_of_a_reader_that_could_not_start(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with pytest.raises(DatasetExecutionError):
        read(TEXT, write(tmp_path, {"a.csv": b""}))
    assert not list((tmp_path / "temporary").iterdir())
