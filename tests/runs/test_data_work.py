"""Work in the background on a version of data: what has changed since it was registered, a profile of all rows, a frozen copy."""

import contextlib
import re
import sqlite3

import pytest
from lazuli.data.definitions import ENCODINGS

from accounts.actors import Actor
from assets import tasks
from assets.data import datasets, distributions, manifests, previews
from assets.data.encodings import EncodingCheck
from assets.data.models import Datastore
from assets.data.work import HOLD_TIME, DataWork
from studio.errors import Conflict
from tests.runs.test_data_pages import LIST, ROWS, files, register  # noqa: F401 - a fixture

HERE = f"{LIST}assets/diabetes%20dataset/versions/1/"


@pytest.fixture
def version(workspace, alice, files):  # noqa: F811
    files.write("in/a.csv", iter([ROWS]))
    files.write("in/b.csv", iter([ROWS]))
    return register(workspace, alice)


def test_a_version_knows_which_files_have_changed(as_user, bob, version, files):  # noqa: F811
    tasks.work_on_data()
    version.manifest.refresh_from_db()
    entries = manifests.read_entries(version.manifest)
    assert version.manifest.is_hashed and len({entry[4] for entry in entries}) == 1 and len(entries[0][4]) == 64
    assert "No file has changed" in as_user(bob).get(HERE).text
    files.write("in/a.csv", iter([b"id,age,note\n1,2,x\n"]), overwrite=True)
    files.write("in/c.csv", iter([ROWS]))
    files.delete("in/b.csv")
    page = " ".join(as_user(bob).get(HERE).text.split())
    assert "3 files changed since version 1 was registered" in page
    assert "in/a.csv (changed)" in page and "in/c.csv (added)" in page and "in/b.csv (removed)" in page


def test_text_of_another_encoding_is_named_wherever_it_is(as_user, alice, bob, workspace, files):  # noqa: F811
    good = b"id,age,note\n" + b"1,2,\xc3\xa9\n" * 1000
    files.write("in/a.csv", iter([good]))
    files.write("in/b.csv", iter([good + b"3,4,\xe9\n" + good]))
    files.write("in/c.csv", iter([b"id,age,note\n1,2,\xc3"]))
    register(workspace, alice)
    assert "Not all" not in as_user(bob).get(HERE).text
    tasks.work_on_data()
    page = " ".join(as_user(bob).get(HERE).text.split())
    assert "Not all rows can be read: in/b.csv, line 1,002: byte 0xe9 is not utf8. in/c.csv, line 2: byte 0xc3" in page


def test_an_encoding_is_checked_across_the_blocks_in_which_a_file_is_read():
    for encoding, text in (
        ("utf16", "a\né\n"),
        ("utf32", "a\nb"),
        ("windows1252", "é"),
        ("utf8bom", "a"),
        ("latin1", "é"),
    ):
        data = text.encode(ENCODINGS[encoding])
        for cut in range(len(data) + 1):
            check = EncodingCheck("a", encoding)
            for block, is_last in ((data[:cut], False), (data[cut:], False), (b"", True)):
                check.add(block, is_last)
            assert not check.problem, (encoding, cut)
    for encoding, data, line in (
        ("utf16", b"\xff\xfea\0\n\0\0\xd8", 2),
        ("utf16", b"a\0\n\0", 1),
        ("ascii", b"\n\n\xe9", 3),
    ):
        check = EncodingCheck("a", encoding)
        for at in range(len(data)):
            check.add(data[at : at + 1])
        check.add(b"", is_last=True)
        assert check.problem.startswith(f"a, line {line}: "), (encoding, check.problem)


def test_a_frozen_copy_is_a_new_version_that_stays_as_it_is(as_user, alice, bob, version, files):  # noqa: F811
    assert as_user(bob).post(f"{HERE}change/", {"act": "freeze"}).status_code == 403
    as_user(alice).post(f"{HERE}change/", {"act": "freeze"})
    assert "being copied" in as_user(alice).get(HERE).text
    tasks.work_on_data()
    files.delete("in/a.csv")
    frozen = datasets.find_version(version.workspace, "diabetes dataset")
    assert frozen.version == "2" and frozen.properties == {"frozenFrom": "1"}
    paths = [entry[1] for entry in manifests.read_entries(frozen.manifest)]
    assert [path.split("/", 3)[3] for path in paths] == ["workspaceblobstore/in/a.csv", "workspaceblobstore/in/b.csv"]
    assert paths[0].startswith(f"frozen/{version.dataset_id}/") and files.read(paths[0], 0, 99) == ROWS
    assert "is a frozen copy of this one" in as_user(bob).get(HERE).text
    # A later copy of the same version does not replace the files of the first one.
    files.write("in/b.csv", iter([b"id,age,note\n9,9,x\n"]), overwrite=True)
    as_user(alice).post(f"{HERE}change/", {"act": "freeze"})
    tasks.work_on_data()
    assert datasets.find_version(version.workspace, "diabetes dataset").version == "3"
    assert files.read(paths[1], 0, 99) == ROWS
    for change in (lambda: files.delete(paths[0]), lambda: files.write(paths[0], iter([b"x"]), overwrite=True)):
        with pytest.raises(Conflict, match="belongs to diabetes dataset:2, a frozen copy"):
            change()
    frozen.remove(Actor(alice))
    files.delete(paths[0])


def test_a_frozen_copy_of_a_query_keeps_its_rows(workspace, alice, files, settings, tmp_path):  # noqa: F811
    settings.DATASTORE_ROOTS = [str(tmp_path)]
    file = tmp_path / "people.db"
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE people (id INTEGER, age REAL)")
        database.execute("INSERT INTO people VALUES (1, 21), (2, 3.5)")
    actor = Actor(alice)
    Datastore.register(actor, workspace, "people", {"kind": "Sqlite", "settings": {"file": str(file)}})
    reader = {"type": "read_sql", "query": "SELECT * FROM people", "column_types": {"id": {"type": "string"}}}
    source = {"datastore": "people", "path": ""}
    definition = {"kind": "tabular", "paths": [source], "steps": [reader, {"type": "take", "count": 2}]}
    fields = {"kind": "tabular", "definition": definition}
    version = datasets.register_dataset(actor, workspace, "people", "auto", fields)[0]
    DataWork.queue(version, DataWork.Kind.FREEZE, alice)
    tasks.work_on_data()
    file.unlink()
    frozen = datasets.find_version(workspace, "people")
    assert [step["type"] for step in frozen.definition["steps"]] == ["read_parquet", "take"]
    preview = previews.read_preview(workspace, frozen.definition)
    assert preview.columns == [("id", "string"), ("age", "float")]
    assert preview.rows == [["1", "21"], ["2", "3.5"]]
    assert frozen.manifest.file_count == 1 and frozen.properties == {"frozenFrom": "1"}


def test_two_versions_are_compared(as_user, alice, bob, version, files):  # noqa: F811
    files.write("in/b.csv", iter([b"id,age,note\n1,99,x\n"]), overwrite=True)
    files.write("in/c.csv", iter([ROWS]))
    register(version.workspace, alice, {"type": "drop_columns", "columns": ["note"]}, {"type": "take", "count": 1})
    page = as_user(bob).get(f"{HERE}versions/?with=2").text
    assert "From version 1 to version 2" in page and "in/b.csv (changed)" in page and "in/c.csv (added)" in page
    assert "first rows" in page and "removed" in page and "differ</dd>" in page
    for number in "12":
        as_user(alice).post(f"{HERE.replace('/1/', f'/{number}/')}change/", {"act": "profile"})
    tasks.work_on_data()
    files.write("in/c.csv", iter([b"a\n"]), overwrite=True)
    page = as_user(bob).get(f"{HERE.replace('/1/', '/2/')}versions/?with=1").text
    assert "7 → 1" in page and "first rows" not in page
    assert "Max :</span> 99 → 21" in page
    assert as_user(bob).get(f"{HERE}versions/?with=9").status_code == 404


def test_the_distributions_of_two_versions_are_shown_on_one_axis(as_user, bob, version, alice, files):  # noqa: F811
    files.write("in/a.csv", iter([b"id,age,note\n1,10,x\n2,20,y\n3,30,y\n4,40,y\n"]), overwrite=True)
    late = {"op": "ge", "of": [{"column": "age"}, {"value": 35}]}
    register(version.workspace, alice, {"type": "filter", "expression": late})
    page = as_user(bob).get(f"{HERE}versions/?with=2").text
    assert "Distribution in version 1" in page and "y: 75% → 100%" in page and "37.5 to 40: 25% → 100%" in page
    assert re.search(r">age</th>.*?class=\"number\">75 %</td>", page, re.S)


def test_the_shift_of_a_distribution_is_the_share_of_rows_with_other_values():
    def number(low, high, *bars):
        return {"low": low, "high": high, "bars": bars}

    def text(distinct, **shares):
        return {"shares": list(shares.items()), "distinct": distinct}

    for name, before, after, percent in (
        ("same", number(0, 24, 100, 50), number(0, 24, 100, 50), 0),
        ("moved", number(0, 12, 100), number(12, 24, 100), 100),
        ("half", number(0, 24, 100), number(0, 12, 100), 50),
        ("one value", number(5, 5, 100), number(0, 24, 100), 92),
        ("one value in both", number(5, 5, 100), number(5, 5, 100), 0),
        ("words", text(2, a=0.5, b=0.5), text(1, a=1.0), 50),
        ("many words", text(99, a=0.4, b=0.1), text(99, c=0.4, b=0.1), 30),
        ("other words", text(1, a=1.0), text(99, a=0.5), 50),
    ):
        assert distributions.compare_distributions(before, after).percent == percent, name
    assert distributions.compare_distributions(number(0, 1, 100), text(1, a=1.0)) is None
    assert distributions.compare_distributions({"bars": [100]}, number(0, 1, 100)) is None


def test_all_rows_of_text_files_are_searched_in_a_copy(
    as_user,
    alice,
    bob,
    version,
    files,  # noqa: F811
    settings,
    tmp_path,
    monkeypatch,
):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(previews, "MAX_SEARCHED", 2)
    browser, address = as_user(alice), f"{HERE}explore/?sort=age&order=descending"
    assert "Search all rows" in browser.get(address).text
    assert "A contributor can make" in (page := as_user(bob).get(address).text) and "Search all rows" not in page
    act = {"act": "rows"}
    assert as_user(bob).post(f"{HERE}change/", act).status_code == 403
    assert browser.post(f"{HERE}change/", act, headers={"referer": f"http://testserver{address}"}).url == address
    assert "All rows are being copied, so that they can be searched: 0 %" in browser.get(address).text
    assert "being copied" not in browser.get(f"{HERE}explore/").text
    tasks.work_on_data()
    page = " ".join(as_user(bob).get(address).text.split())
    assert "6 of all 6 rows" in page and "Search all rows" not in page
    assert "Rows 2 to 6" in as_user(bob).get(f"{HERE}explore/?start=1").text
    files.write("in/b.csv", iter([b"id,age,note\n9,99,x\n"]), overwrite=True)
    assert "Search all rows" in browser.get(address).text
    browser.post(f"{HERE}change/", act)
    tasks.work_on_data()
    assert "4 of all 4 rows" in " ".join(browser.get(address).text.split())
    [copy] = (tmp_path / "cache" / "rows").iterdir()
    tasks.delete_unused_rows()
    assert copy.exists()
    version.remove(Actor(alice))
    tasks.delete_unused_rows()
    assert not copy.exists()


def test_a_copy_of_all_rows_that_fails_says_why(as_user, alice, version, files, settings, tmp_path):  # noqa: F811
    settings.DATA_DIR = tmp_path
    files.write("in/b.csv", iter([b"id,age,note\n9\n"]), overwrite=True)
    as_user(alice).post(f"{HERE}change/", {"act": "rows"})
    tasks.work_on_data()
    assert "All rows could not be copied: in/b.csv, line 2" in as_user(alice).get(f"{HERE}explore/?sort=age").text
    assert not list((tmp_path / "cache" / "rows").iterdir())


def test_a_profile_of_all_rows_is_kept_for_these_files(as_user, alice, version, files):  # noqa: F811
    browser, address = as_user(alice), f"{HERE}explore/?profile"
    assert "Profile all rows" in browser.get(address).text
    assert browser.post(f"{HERE}change/", {"act": "profile"}).url == address
    assert "The profile of all rows is being computed: 0 %" in browser.get(address).text
    with pytest.raises(Conflict, match="already running"):
        DataWork.queue(version, DataWork.Kind.PROFILE, alice)
    tasks.work_on_data()
    assert "All 6 rows" in browser.get(address).text
    files.write("in/a.csv", iter([b"id,age,note\n1,2,x\n"]), overwrite=True)
    assert "have changed since the profile" in browser.get(address).text
    files.write("in/b.csv", iter([b"id,age,note\n1\n"]), overwrite=True)
    browser.post(f"{HERE}change/", {"act": "profile"})
    tasks.work_on_data()
    assert "failed: in/b.csv, line 2: 1 column, where the header has 3" in browser.get(address).text


def test_work_of_a_killed_worker_is_taken_again(version, alice):
    DataWork.objects.all().delete()
    DataWork.queue(version, DataWork.Kind.HASHES, alice)
    assert DataWork.claim() and DataWork.claim() is None
    held = DataWork.objects.get()
    DataWork.objects.update(held_until=held.held_until - 2 * HOLD_TIME)
    assert DataWork.claim() == held
    same = datasets.register_dataset(Actor(alice), version.workspace, "diabetes dataset", "auto", _content(version))
    assert same == (version, False)


def _content(version):
    return {"kind": version.kind, "definition": version.definition, "tags": version.tags}
