"""`make bench-data`: how long data takes to preview, profile and read; ROWS=10000000 rows of ten columns.

Each reading process is measured as a whole: its wall and processor time, and the most memory that it used. Goals are
for two idle cores.
Rewrites the table in docs/data_speed.md.
"""

import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import time
from importlib import import_module

import page

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="bench-data-"))
ROWS = int(os.environ.get("ROWS", "10000000"))
FILES = 10_000
# How long a person looks at a page.
READING_SECONDS = 5
TABLE = ["| what | goal | wall | processor | memory |", "|---|---|---|---|---|"]
COLUMNS = """
i AS id, TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS at, DATE '2020-01-01' + CAST(i % 900 AS INTEGER) AS day,
'name ' || (hash(i) % 5000) AS name, chr(CAST(65 + hash(i + 1) % 8 AS INTEGER)) AS grade,
CASE WHEN i % 20 = 0 THEN NULL ELSE sqrt(hash(i + 2) % 1000000) END AS score, ln(1 + hash(i + 3) % 1000000) AS weight,
CAST(hash(i + 4) % 100 AS INTEGER) AS age, i % 3 = 0 AS is_new, 'a, ' || (i % 1000) || ', "b"' AS note
"""


def measure(what, goal, act):
    """Act, and note wall time, processor time and the most memory of the processes that it started."""
    started = time.perf_counter()
    found, used = run_apart(act)
    wall = time.perf_counter() - started
    cpu = used.ru_utime + used.ru_stime
    TABLE.append(f"| {what} | {goal} | {wall:.2f} s | {cpu:.2f} s | {used.ru_maxrss / 1024:.0f} MB |")
    print(TABLE[-1], flush=True)
    return found


def run_apart(act):
    """Return its result and its usage: only the end of a process tells the memory of those that it started."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(act(), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status, used = os.wait4(child, 0)
    if status or not data:
        sys.exit(f"A measurement ended with {status}.")
    return pickle.loads(data), used


def make_files(folder):
    import duckdb  # in a process of its own, as the memory of this one is part of each figure

    connection = duckdb.connect()
    for ending, form in (("csv", "csv"), ("parquet", "parquet")):
        path = folder / f"rows.{ending}"
        connection.execute(f"COPY (SELECT {COLUMNS} FROM range({ROWS}) t(i)) TO '{path}' (FORMAT {form})")
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
    connection.execute(f"COPY (SELECT {COLUMNS} FROM range(1000000) t(i)) TO '{folder / 'million.csv'}' (FORMAT csv)")


def measure_process(folder):
    """The requests of the pages to a reading process."""
    reading = import_module("assets.data.reading")
    for ending, kind in (("csv", "read_delimited"), ("parquet", "read_parquet")):
        source = reading.SourceFile(f"rows.{ending}", None)
        copies = [reading.LocalCopy(str(folder / source.path), source)]
        definition = {"kind": "tabular", "paths": [{"url": "https://bench"}], "steps": [{"type": kind}]}
        text = kind == "read_delimited"
        found = measure(
            f"{ending}: types and first 50 rows",
            "0.5 s",
            lambda copies=copies, definition=definition, text=text: reading.read_copies(
                definition, copies, act="rows", limit=50, infer=text
            ),
        )
        typed = found["definition"]
        measure(
            f"{ending}: profile of 10,000 rows",
            "2 s",
            lambda copies=copies, typed=typed: reading.read_copies(typed, copies, act="profile", limit=10_000),
        )
        measure(
            f"{ending}: profile of all rows",
            "10 s, 512 MB",
            lambda copies=copies, typed=typed: reading.read_copies(typed, copies, reading.FULL, act="profile"),
        )


def measure_next_page(folder):
    """The page after the first one: its process has been started in the meantime."""
    reading = import_module("assets.data.reading")
    source = reading.SourceFile("rows.csv", None)
    definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited"}]}

    def read_two():
        for _ in range(2):
            begun = time.perf_counter()
            reading.read_copies(
                definition, [reading.LocalCopy(str(folder / source.path), source)], act="rows", limit=50
            )
            seconds = time.perf_counter() - begun
            time.sleep(READING_SECONDS)
        return seconds

    seconds, _ = run_apart(read_two)
    TABLE.append(f"| csv: the next page, a few seconds later | 0.1 s | {seconds:.2f} s | | |")
    print(TABLE[-1], flush=True)


def measure_copy(folder):
    """Explore: the copy of all rows of a text file, and what is searched in it."""
    reading, previews = import_module("assets.data.reading"), import_module("assets.data.previews")
    path, copy = folder / "rows.csv", folder / "copy.parquet"
    source = reading.SourceFile(path.name, None)
    definition = {"kind": "tabular", "paths": [{"url": "https://bench"}], "steps": [{"type": "read_delimited"}]}
    copies = [reading.LocalCopy(str(path), source)]
    typed = reading.read_copies(definition, copies, act="rows", limit=1, infer=True)["definition"]
    request = {"act": "export", "target": str(copy), "strict": False, "file_bytes": 10 * 1024**3}
    seconds = f"{path.stat().st_size / 90e6:.0f} s, 512 MB"
    measure("csv: copy of all rows", seconds, lambda: reading.read_copies(typed, copies, reading.FULL, None, **request))
    plain = {"filters": [], "words": [], "sort": "", "is_descending": False}
    views = {
        "sorted by a column": plain | {"sort": "score", "is_descending": True},
        "filtered by a number": plain | {"filters": [{"column": "age", "op": "at_least", "value": "90"}]},
        "searched for a word": plain | {"words": ["name 77"]},
    }
    for what, view in views.items():
        options = {"act": "matches", "view": view, "max_rows": previews.MAX_SEARCHED_PARQUET, "limit": 50, "offset": 0}
        measure(
            f"copy: {what}",
            "1 s",
            lambda options=options: reading.read_copies(
                previews.COPY, [reading.LocalCopy(str(copy), source)], reading.SEARCH, **options
            ),
        )
    measure(
        "copy: 50 rows in the middle",
        "0.1 s and the start of the process",
        lambda: reading.read_copies(
            previews.COPY, [reading.LocalCopy(str(copy), source)], act="rows", limit=50, offset=ROWS // 2
        ),
    )


def run_python(code):
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "sdk/src")})


def measure_sdk(folder):
    code = f"""
from lazuli.data import reading_process
from lazuli.data.compiler import LocalFile
from lazuli.data.engine import Reader
path = {str(folder / "million.csv")!r}
definition = {{"kind": "tabular", "paths": [{{"url": "https://bench"}}], "steps": [{{"type": "read_delimited"}}]}}
definition = reading_process.add_types(definition, (path, "million.csv", False))
frame = Reader(definition, [LocalFile(path, "million.csv")]).to_pandas()
assert frame.shape == (1000000, 10)
"""
    measure("1,000,000 x 10 to pandas", "2 s", lambda: run_python(code))
    measure(
        "import of azureml.core.Dataset", "0.3 s", lambda: run_python("from azureml.core import Dataset, Workspace")
    )


def measure_manifest(folder):
    from obstore.store import LocalStore  # the folder is not known before

    from assets.data import manifests, reading
    from assets.data.models import Datastore
    from assets.data.stores import DatastoreFiles

    inside = folder / "many"
    inside.mkdir()
    for number in range(FILES):
        (inside / f"{number:05d}.csv").write_bytes(b"a,b\n1,2\n")
    files = DatastoreFiles.__new__(DatastoreFiles)
    files.datastore, files._root, files._store, files._prefix = Datastore(name="bench"), None, LocalStore(inside), ""

    def list_and_pack():
        found = [reading.SourceFile(file.path, file.size, "bench", etag=file.etag) for file in files.walk()]
        assert len(found) == FILES
        return manifests.digest_of(found)

    measure(f"manifest of {FILES:,} files", "1 s", list_and_pack)


def main():
    import django  # after the settings

    django.setup()
    with tempfile.TemporaryDirectory(prefix="bench-data-") as name:
        folder = pathlib.Path(name)
        run_apart(lambda: make_files(folder))
        measure_process(folder)
        measure_next_page(folder)
        measure_copy(folder)
        measure_sdk(folder)
        measure_manifest(folder)
        size = (folder / "rows.csv").stat().st_size / 1e6
        said = f"{ROWS:,} rows of ten columns, as text {size:,.0f} MB. {page.measured()}"
        page.write_section(ROOT / "docs" / "data_speed.md", "Reading", "\n".join([said, "", *TABLE]))


if __name__ == "__main__":
    main()
