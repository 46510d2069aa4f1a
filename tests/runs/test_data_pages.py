"""The pages of datastores and data: browse, upload, create by the wizard, preview, profile, versions and jobs."""

import contextlib
import io
import re
import sqlite3
import zipfile

import pandas
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from lazuli.data import engine

from accounts.actors import Actor
from assets.data import datasets, previews, stores
from assets.data.partial_uploads import PartialUpload
from assets.data.work import DataWork
from assets.models import DataAsset, Datastore, DataVersion
from runs import job_data
from runs.job_data import make_link
from runs.models import RunDataset
from runs.pages.data import datastore_views
from studio import storage
from tests import factories
from trash import orphaned_files

ROWS = b'id,age,note\n1,21,"a, b"\n2,,x\n3,40,x\n'
LIST = "/ws/aml-workspace/data/"
STORE = f"{LIST}datastores/workspaceblobstore/"


@pytest.fixture
def files(workspace, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    return stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))


def register(workspace, alice, *steps, path="in/*.csv"):
    read = {"type": "read_delimited", "column_types": {"id": {"type": "long"}, "age": {"type": "long"}}}
    source = {"datastore": "workspaceblobstore", "path": path}
    definition = {"kind": "tabular", "paths": [source], "steps": [read, *steps]}
    fields = {"kind": "tabular", "definition": definition, "tags": {"format": "CSV"}}
    return datasets.register_dataset(Actor(alice), workspace, "diabetes dataset", "auto", fields)[0]


def test_a_datastore_is_browsed_uploaded_to_and_downloaded_from(as_user, alice, bob, workspace, files):
    browser = as_user(alice)
    sent = {"files": [SimpleUploadedFile("a.csv", ROWS)], "paths": ["deep/a #1%2F.csv"], "folder": "in"}
    assert browser.post(f"{STORE}upload/", sent).url == f"{STORE}?folder=in"
    assert "1 left because" in browser.post(f"{STORE}upload/", sent, follow=True).text
    assert "deep" in browser.get(f"{STORE}?folder=in").text
    path = "in/deep/a%20%231%252F.csv"
    page = browser.get(f"{STORE}?path={path}").text
    assert "a, b" in page and "a #1%2F.csv" in page
    answer = as_user(bob).get(f"{STORE}file/?path={path}&download")
    assert answer.getvalue() == ROWS and answer["Content-Disposition"].startswith("attachment")
    assert as_user(bob).get(f"{STORE}?path=..%2Fx").status_code == 400
    browser.post(f"{STORE}change/", {"act": "delete", "path": "in/deep/a #1%2F.csv"})
    assert not files.walk()
    assert "cannot be removed" in browser.post(f"{STORE}change/", {"act": "remove"}, follow=True).text


def test_a_large_file_is_sent_in_pieces_and_continues_where_it_stopped(as_user, alice, bob, mallory, workspace, files):
    def count_pieces():
        return sum(len(batch) for batch in storage.list_area(f"{workspace.storage_area}/uploads"))

    browser, address = as_user(alice), f"{STORE}piece/?path=in/a%20%231.bin&size=10&stamp=7"

    def send(start, data, query="", who=browser):
        url = f"{address}&start={start}{query}"
        return who.post(url, data, content_type="application/octet-stream", headers={"HX-Request": "true"})

    assert browser.get(address).json() == {"arrived": 0, "exists": False}
    assert send(0, b"01234").json() == {"arrived": 5, "exists": False} and not files.walk()
    assert browser.get(address).json()["arrived"] == 5
    assert send(5, b"5678", f"&sha256={'0' * 64}").status_code == 400
    # A piece whose answer was lost is sent again.
    assert send(0, b"01234").json()["arrived"] == 5
    wrong = send(3, b"34")
    assert wrong.status_code == 409 and "continue there" in wrong["HX-Trigger"]
    assert "more than 10 bytes" in send(5, b"567890123")["HX-Trigger"]
    assert send(5, b"56789").json() == {"arrived": 10, "exists": True}
    assert files.read("in/a #1.bin", 0, 20) == b"0123456789" and not count_pieces()
    assert browser.get(address).json()["exists"] and not browser.get(f"{address}&overwrite").json()["exists"]
    assert send(0, b"9876543210").status_code == 409
    assert send(0, b"9876543210", "&overwrite").status_code == 200
    assert files.read("in/a #1.bin", 0, 20) == b"9876543210"
    assert [send(0, b"1", who=as_user(person)).status_code for person in (bob, mallory)] == [403, 404]
    assert browser.post(f"{STORE}piece/?path=../x&size=1", b"1", content_type="text/plain").status_code == 400
    assert browser.put(address).status_code == 405


def test_pieces_that_nobody_continues_are_deleted_after_a_day(alice, workspace, monkeypatch):
    upload = PartialUpload(Actor(alice), workspace, "a")
    upload.add_piece(0, [b"01234"])
    orphaned_files.delete_orphans(storage.ROOT, lambda: None)
    assert upload.arrived == stores.count_stored_bytes(workspace) == 5
    monkeypatch.setattr(orphaned_files, "GRACE", -orphaned_files.GRACE)
    assert orphaned_files.preview_orphans(timezone.now()).bytes == 5
    orphaned_files.delete_orphans(storage.ROOT, lambda: None)
    assert upload.arrived == 0


def test_a_folder_is_downloaded_as_a_zip(as_user, bob, mallory, workspace, files, monkeypatch):
    for path in ("in/deep/a #1%2F.csv", "in/deep/er/b.csv", "in/deeper.csv"):
        files.write(path, iter([path.encode()]))
    opened, stream = [], stores.DatastoreFiles.stream
    monkeypatch.setattr(stores.DatastoreFiles, "stream", lambda *given: opened.append(given) or stream(*given))
    answer = as_user(bob).get(f"{STORE}zip/?folder=in/deep")
    # Each file when it is its turn.
    assert not opened
    data = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(data) and 'filename="deep.zip"' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["deep/a #1%2F.csv", "deep/er/b.csv"]
        assert archive.read("deep/er/b.csv") == b"in/deep/er/b.csv"
    whole = as_user(bob).get(f"{STORE}zip/")
    with zipfile.ZipFile(io.BytesIO(b"".join(whole.streaming_content))) as archive:
        assert len(archive.namelist()) == 3 and "workspaceblobstore.zip" in whole["Content-Disposition"]
    assert "zip/?folder=in%2Fdeep&quot;" in as_user(bob).get(f"{STORE}?folder=in").text.replace('"', "&quot;")
    monkeypatch.setattr(datastore_views, "MAX_ZIPPED", 1)
    for query, status in (("folder=in", 413), ("folder=..", 400), ("folder=none", 404)):
        assert as_user(bob).get(f"{STORE}zip/?{query}").status_code == status, query
    assert as_user(mallory).get(f"{STORE}zip/?folder=in").status_code == 404


def test_who_reads_a_deprecated_asset_is_told(as_user, api, alice, bob, mallory, workspace, files):
    old = register(workspace, alice)
    new = DataAsset.objects.create(workspace=workspace, name="better")
    DataVersion.objects.create(workspace=workspace, asset=new, version="1", kind="tabular", definition=old.definition)
    page = f"{LIST}assets/diabetes%20dataset/versions/1/"
    editor, address = as_user(alice), f"{page}deprecate/"
    assert '<option value="better">' in editor.get(address).text
    assert editor.post(address, {"replacement": "no such"}).status_code == 400
    assert editor.post(address, {"replacement": "better"}).url == page
    shown = " ".join(editor.get(page).text.split())
    assert "diabetes dataset is deprecated; use <a" in shown and "Undo deprecation" in shown
    assert "Deprecated</span>" in as_user(bob).get(LIST).text
    assert as_user(bob).post(address).status_code == 403 and as_user(mallory).get(address).status_code == 404
    found = api(bob).get(f"{workspace.arm_id}/data/diabetes dataset").json()["properties"]
    assert (found["isDeprecated"], found["replacedBy"]) == (True, "better")
    data = {"in": {"dataLocation": {"dataset": {"id": str(old.dataset_id)}}, "mechanism": "direct"}}
    assert job_data.read_data(workspace, {"data": data}).list_warnings() == [
        DataAsset.objects.get(pk=old.asset_id).deprecation
    ]
    editor.post(address, {"act": "undo"})
    editor.get(page)
    assert "deprecated" not in editor.get(page).text
    body = {"properties": {"isDeprecated": True, "replacedBy": "absent"}}
    assert api(alice).put(f"{workspace.arm_id}/data/diabetes dataset", body).status_code == 404
    refused = api(alice).put(f"{workspace.arm_id}/data/diabetes dataset", {"properties": {"replacedBy": "better"}})
    assert refused.status_code == 400 and "isDeprecated" in refused.text


def test_a_datastore_is_registered_and_its_key_is_not_shown(as_user, alice, workspace, settings, tmp_path):
    settings.DATASTORE_ROOTS, settings.DATA_DIR = [str(tmp_path)], tmp_path
    browser, new = as_user(alice), f"{LIST}new-datastore/?kind="
    assert "not below a folder" in browser.post(f"{new}Folder", {"name": "shared", "folder": "/etc"}).text
    assert browser.post(f"{new}Folder", {"name": "shared", "folder": str(tmp_path)}).status_code == 302
    again = browser.post(f"{new}Folder", {"name": "SHARED", "folder": str(tmp_path)})
    assert "There is a datastore SHARED already" in again.text
    fields = {"name": "s3", "container": "bucket", "credentials": "AccessKey", "access_key_id": "hush"}
    page = browser.post(f"{new}S3", {**fields, "endpoint": "http://10.0.0.1:9000"}).text
    assert "secret_access_key" in page and "hush" not in page and not Datastore.objects.filter(name="s3").exists()
    assert browser.get(f"{LIST}new-datastore/?kind=Nothing").status_code == 400


def test_the_wizard_uploads_shows_and_registers(as_user, alice, workspace, files):
    browser = as_user(alice)
    basics = {"name": "ages", "kind": "tabular", "datastore": "workspaceblobstore", "description": "d"}
    assert "one of the three" in browser.post(f"{LIST}new/", basics).text
    answer = browser.post(f"{LIST}new/", {**basics, "files": [SimpleUploadedFile("a.csv", ROWS)]})
    page = browser.get(answer.url).text
    assert "a, b" in page and re.search(r'value="long" selected', page)
    assert not DataVersion.objects.exists()
    done = browser.post(answer.url, {"include_0": "1", "include_1": "1", "type_0": "string", "type_1": "long"})
    made = DataVersion.objects.get()
    assert done.url.endswith("/assets/ages/versions/1/explore/") and made.description == "d"
    assert made.definition["steps"][1] == {"type": "keep_columns", "columns": ["id", "age"]}
    assert made.definition["steps"][0]["column_types"]["id"] == {"type": "string"}
    chosen = {"include_0": "1", "type_0": "long", "profile": "1"}
    assert browser.post(answer.url, chosen).url.endswith("/assets/ages/versions/2/explore/?profile")
    assert DataWork.objects.get(kind="profile").version == DataVersion.objects.get(version="2")
    files.write("bad.csv", iter([b"a,b\n1,2\n3\n"]))
    bad = browser.get(f"{LIST}new/settings/?name=bad&kind=tabular&datastore=workspaceblobstore&path=bad.csv")
    assert "bad.csv, line 3: 1 column, where the header has 2" in bad.text


def test_the_wizard_names_values_that_would_be_missing(as_user, alice, workspace, files):
    rows = "".join(f"{number},{number}\n" for number in range(300))
    files.write("a.csv", iter([f'id,age\n"1",2\n{rows}7,"old\n, very"\n8,new\n'.encode()]))
    browser = as_user(alice)
    page = f"{LIST}new/settings/?name=ages&kind=tabular&datastore=workspaceblobstore&path=a.csv"
    chosen = {"include_0": "1", "include_1": "1", "type_0": "long", "type_1": "long"}
    shown = browser.post(page, chosen).text
    assert "2 values do not have the type" in " ".join(shown.split()) and not DataVersion.objects.exists()
    assert re.search(r"a.csv</td>\s*<td class=\"number\">304</td>\s*<td>age</td><td><span class=\"cut\">old", shown)
    assert re.search(r">305</td>\s*<td>age</td><td><span class=\"cut\">new<", shown)
    seen = re.search(r'name="seen" value="(\w+)"', shown)[1]
    # What was seen is of these types alone.
    again = browser.post(page, {**chosen, "type_0": "bool", "seen": seen}).text
    assert "305 values" in " ".join(again.split())
    assert browser.post(page, {**chosen, "type_1": "string"}).status_code == 302
    assert browser.post(page, {**chosen, "seen": seen}).status_code == 302
    assert [row.version for row in DataVersion.objects.order_by("number")] == ["1", "2"]
    for number, is_named in (("1", False), ("2", True)):
        page = browser.get(f"{LIST}assets/ages/versions/{number}/").text
        assert ("found when the version was registered" in page and "old" in page) == is_named, number


def test_the_wizard_reads_dates_of_a_format(as_user, alice, workspace, files):
    files.write("a.csv", iter([b"id,day\n1,31-Jan-24\n2,01-Feb-24\n"]))
    browser = as_user(alice)
    page = f"{LIST}new/settings/?name=days&kind=tabular&datastore=workspaceblobstore&path=a.csv"
    chosen = {"include_0": "1", "type_0": "long", "include_1": "1", "type_1": "datetime"}
    assert "2 values do not have the type" in " ".join(browser.post(page, chosen).text.split())
    for wrong, said in (({"format_1": "%Q"}, "is not a format of dates"), ({"type_1": "x"}, "must be bool, long")):
        shown = browser.post(page, {**chosen, **wrong}).text
        assert said in shown and 'name="include_1" value="1" checked' in shown, wrong
    assert "Include at least one column" in browser.post(page, {"type_0": "long"}).text
    assert not DataVersion.objects.exists()
    assert browser.post(page, {**chosen, "format_1": "%d-%b-%y"}).status_code == 302
    kinds = DataVersion.objects.get().definition["steps"][0]["column_types"]
    assert kinds["day"] == {"type": "datetime", "formats": ["%d-%b-%y"]}


def test_the_wizard_chooses_columns_and_types_of_parquet_and_json_lines(as_user, alice, workspace, files, tmp_path):
    frame = pandas.DataFrame({"id": [1, 2], "day": ["2024-01-31", "2024-02-01"], "note": ["a", "b"]})
    engine.write_parquet(frame.astype({"id": "int32"}), str(tmp_path / "a.parquet"))
    files.write("a.parquet", iter([(tmp_path / "a.parquet").read_bytes()]))
    files.write("a.jsonl", iter([frame.to_json(orient="records", lines=True).encode()]))
    browser = as_user(alice)
    for number, (name, kind) in enumerate((("a.parquet", "integer"), ("a.jsonl", "long")), 1):
        page = f"{LIST}new/settings/?name=days&kind=tabular&datastore=workspaceblobstore&path={name}"
        shown = browser.get(page).text
        assert (
            re.search(rf'<option( value="long" selected\s*)?>{kind}<', shown, re.I)
            and "Profile all rows after creation" in shown
        ), name
        chosen = {"include_0": "1", "type_0": kind, "include_1": "1", "type_1": "datetime", "type_2": "string"}
        assert browser.post(page, chosen).url.endswith(f"/versions/{number}/explore/"), name
        reader, rest = DataVersion.objects.get(version=str(number)).definition["steps"]
        # JSON lines have times already.
        assert reader.get("column_types") == ({"day": {"type": "datetime"}} if number == 1 else None), name
        assert rest == {"type": "drop_columns", "columns": ["note"]}, name
        assert "2024-01-31" in browser.get(f"{LIST}assets/days/versions/{number}/explore/").text, name


def test_the_wizard_registers_a_query_of_a_database(as_user, alice, workspace, settings, tmp_path):
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    with contextlib.closing(sqlite3.connect(tmp_path / "people.db")) as database, database:
        database.execute("CREATE TABLE people (id INTEGER, age REAL, name TEXT)")
        database.execute("INSERT INTO people VALUES (1, 21, 'Ann'), (2, 3.5, 'Bo')")
    Datastore.register(
        Actor(alice), workspace, "people", {"kind": "Sqlite", "settings": {"file": f"{tmp_path}/people.db"}}
    )
    browser = as_user(alice)
    basics = {"name": "ages", "kind": "tabular", "datastore": "people"}
    assert "people (SQLite file of the server)" in browser.get(f"{LIST}new/").text
    assert "is a database and has no files" in browser.post(f"{LIST}new/", {**basics, "path": "a.csv"}).text
    assert "a query is a table" in browser.post(f"{LIST}new/", {**basics, "kind": "file"}).text
    page = browser.post(f"{LIST}new/", basics).url
    assert page.startswith(f"{LIST}new/query/?name=ages") and "SQL query" in browser.get(page).text
    wrong = browser.post(page, {"query": "SELECT id,\n  agee FROM people", "query_timeout": "5", "act": "create"}).text
    assert "line 2, column 3: no such column: agee" in wrong and 'value="create"' not in wrong
    sent = {"query": "SELECT * FROM people", "query_timeout": "5", "act": "preview"}
    shown = browser.post(page, sent).text
    assert "Bo" in shown and re.search(r'value="float" selected', shown) and not DataVersion.objects.exists()
    sent |= {"act": "create", "columns": re.search(r'name="columns" value="(\w+)"', shown)[1]}
    assert "other columns" in browser.post(page, {**sent, "query": "SELECT id FROM people"}).text
    assert "Include at least one column" in browser.post(page, sent).text
    chosen = {"include_0": "1", "include_1": "1", "type_0": "string", "type_1": "float"}
    shown = browser.post(page, {**sent, **chosen, "include_2": "1", "type_2": "long"}).text
    assert "2 values do not have the type" in " ".join(shown.split()) and not DataVersion.objects.exists()
    assert re.search(
        r"The query</td>\s*<td class=\"number\">row 1</td>\s*<td>name</td><td><span class=\"cut\">Ann", shown
    )
    assert 'name="seen"' in shown
    done = browser.post(page, {**sent, **chosen})
    made = DataVersion.objects.get()
    assert done.url.endswith("/assets/ages/versions/1/explore/")
    reader, rest = made.definition["steps"]
    assert reader["query"] == sent["query"] and reader["column_types"] == {"id": {"type": "string"}}
    assert rest == {"type": "drop_columns", "columns": ["name"]}


def test_rows_are_searched_filtered_and_sorted_by_a_url(as_user, bob, alice, mallory, workspace, files):
    files.write("in/a.csv", iter([ROWS]))
    register(workspace, alice)
    browser, address = as_user(bob), f"{LIST}assets/diabetes%20dataset/versions/1/explore/"
    page = " ".join(browser.get(f"{address}?column=age&op=at_least&value=30&q=X").text.split())
    assert "1 of all 3 rows matches." in page and ">40<" in page and ">21<" not in page
    assert "age is at least 30" in page and 'href="?q=X" aria-label="Remove age is at least 30"' in page
    assert "q=X&amp;column=age&amp;op=at_least&amp;value=30&amp;sort=age&amp;order=ascending" in page
    page = browser.get(f"{address}?sort=age&order=descending").text
    assert page.index(">40<") < page.index(">21<") and 'aria-sort="descending"' in page
    assert "No row matches" in browser.get(f"{address}?q=nowhere").text
    page = browser.get(f"{address}?column=age&op=is&value=old").text
    assert "Filter on age: &#x27;old&#x27; is not a number." in page and "Reset view" in page
    for wrong in ("column=age", "column=age&op=like&value=1", "sort=age&order=up", "q=%00", "sort=" + "a" * 501):
        assert browser.get(f"{address}?{wrong}").status_code == 400, wrong
    assert as_user(mallory).get(f"{address}?q=x").status_code == 404


def test_a_file_with_other_columns_is_named_before_anything_is_registered(
    as_user, alice, api, workspace, settings, tmp_path
):
    settings.DATASTORE_ROOTS, settings.DATA_DIR = [str(tmp_path)], tmp_path
    Datastore.register(Actor(alice), workspace, "local", {"kind": "Folder", "settings": {"folder": str(tmp_path)}})
    for name, columns in (("a", {"x": [1], "y": [2]}), ("b", {"x": [1], "z": [2]})):
        engine.write_parquet(pandas.DataFrame(columns), str(tmp_path / f"{name}.parquet"))
        (tmp_path / f"{name}.csv").write_text(",".join(columns) + "\n1,2\n")
    page = f"{LIST}new/settings/?name=both&kind=tabular&datastore=local&path="
    for path, said in (
        ("*.parquet", "b.parquet has the column &#x27;z&#x27;, which a.parquet does not have"),
        ("*.csv", "b.csv, line 1: the header is x, z, but a.csv has x, y"),
    ):
        assert said in as_user(alice).post(page + path, {"include_0": "1", "type_0": "long"}).text, path
    assert not DataVersion.objects.exists()
    step = {"type": "read_parquet"}
    definition = {"kind": "tabular", "paths": [{"datastore": "local", "path": "*.parquet"}], "steps": [step]}
    body = {"properties": {"definition": definition}}
    warnings = api(alice).put(f"{workspace.arm_id}/data/both/versions/auto", body).json()["properties"]["warnings"]
    assert "b.parquet has the column 'z'" in warnings[0]["message"]


def test_all_files_of_this_machine_are_searched(as_user, alice, workspace, settings, tmp_path, monkeypatch):
    settings.DATASTORE_ROOTS, settings.DATA_DIR = [str(tmp_path)], tmp_path
    for name in "abc":
        (tmp_path / f"{name}.csv").write_bytes(ROWS)
    Datastore.register(Actor(alice), workspace, "local", {"kind": "Folder", "settings": {"folder": str(tmp_path)}})
    read = {"type": "read_delimited", "column_types": {"age": {"type": "long"}}}
    definition = {"kind": "tabular", "paths": [{"datastore": "local", "path": "*.csv"}], "steps": [read]}
    fields = {"kind": "tabular", "definition": definition}
    datasets.register_dataset(Actor(alice), workspace, "ages", "auto", fields)
    monkeypatch.setattr(previews, "ROWS", 2)
    browser, address = as_user(alice), f"{LIST}assets/ages/versions/1/explore/?column=age&op=not_missing&value="
    page = " ".join(browser.get(address).text.split())
    assert "6 of all 9 rows match." in page and "From all 3 files." in page and "Rows 1 to 2" in page
    assert "op=not_missing&amp;value=&amp;start=2" in page
    monkeypatch.setattr(previews, "MAX_SEARCHED", 4)
    page = " ".join(browser.get(f"{address}&start=2").text.split())
    assert "3 of the first 4 rows match." in page and "Rows 3 to 3" in page and "Next" not in page


def test_a_version_shows_details_rows_profile_code_versions_and_jobs(as_user, alice, bob, mallory, workspace, files):
    files.write("in/a.csv", iter([ROWS]))
    first = register(workspace, alice)
    second = register(workspace, alice, {"type": "keep_columns", "columns": ["age"]})
    run = factories.make_run(workspace, display_name="reads it")
    RunDataset.objects.add([make_link(run, first, "training_data")])
    browser, address = as_user(bob), f"{LIST}assets/diabetes%20dataset/versions/1/"
    assert "diabetes dataset" in browser.get(LIST).text and "CSV" in browser.get(LIST).text
    assert browser.get(f"{LIST}assets/diabetes%20dataset/").url.endswith("/versions/2/")
    page = browser.get(address).text
    assert "Read delimited text" in page and str(first.dataset_id) in page
    rows = browser.get(f"{address}explore/").text
    assert "a, b" in rows and re.search(r'<td\s+class="number">\s*<span class="cut">21</span>', rows)
    profile = browser.get(f"{address}explore/?profile").text
    assert "30.5" in profile and "x (67%)" in profile and "180.5" in profile
    assert "long 66.7%, missing 33.3%" in " ".join(profile.split()) and "string 100%" in profile
    assert "to_pandas_dataframe" in browser.get(f"{address}consume/").text
    assert "/versions/2/" in browser.get(f"{address}versions/").text
    assert "reads it" in browser.get(f"{address}jobs/").text
    DataVersion.objects.filter(pk=first.pk).update(made_by_run=run.run_id)
    lineage = browser.get(f"/ws/aml-workspace/runs/{run.run_id}/lineage/").text
    assert "diabetes dataset, version 1" in lineage and f'href="{address}"' in lineage and "wrote" in lineage
    assert "diabetes dataset" in browser.get("/palette/?ws=aml-workspace&q=diab").text
    assert browser.post(address, {"description": "x"}).status_code == 403
    as_user(alice).post(address, {"description": "new words", "tags": "a: b"})
    first.refresh_from_db()
    assert first.description == "new words" and first.tags == {"a": "b"}
    uses = as_user(alice).get(f"{address}remove/").text
    assert "reads it" in uses and "The newest version" not in uses
    assert "It then means version 1." in as_user(alice).get(f"{LIST}assets/diabetes%20dataset/versions/2/remove/").text
    assert [as_user(one).get(f"{address}remove/").status_code for one in (bob, mallory)] == [403, 404]
    as_user(alice).post(f"{LIST}assets/diabetes%20dataset/versions/2/change/", {"act": "remove"})
    second.refresh_from_db()
    assert second.asset is None and DataVersion.objects.filter(asset=first.asset).count() == 1
