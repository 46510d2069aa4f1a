"""Data quality rules: set on the page and over REST, checked at a new version, shown with the rows that break them."""

import datetime as dt
import json

import pytest
from django.test import Client

from accounts.actors import Actor
from assets import tasks
from assets.data import datasets, quality
from studio.errors import Invalid
from tests import factories
from tests.runs.test_data_pages import LIST, files  # noqa: F401 - a fixture
from tests.test_openapi import WORKSPACE_PATH

HERE = f"{LIST}assets/diabetes%20dataset/versions/1/"
AGO = dt.datetime.now(dt.UTC) - dt.timedelta(hours=30)
ROWS = (
    f"id,age,note,at\n1,21,a,{AGO:%Y-%m-%d %H:%M:%S}\n1,,b,2020-01-01 00:00:00\n3,140,c,2020-01-01 00:00:00\n".encode()
)
RULES = [
    {"type": "not_null", "column": "age"},
    {"type": "range", "column": "age", "min": 0, "max": 120},
    {"type": "range", "column": "at", "max": "2100-01-01"},
    {"type": "unique", "column": "id"},
    {"type": "set", "column": "note", "values": ["a", "b"]},
    {"type": "set", "column": "id", "values": [1, "3"]},
    {"type": "freshness", "column": "at", "hours": 24},
    {"type": "freshness", "column": "at", "hours": 48},
    {"type": "unique", "column": "none"},
    {"type": "range", "column": "note", "min": 1},
]


@pytest.fixture
def asset(workspace, alice, files):  # noqa: F811
    files.write("in/a.csv", iter([ROWS]))
    return register(workspace, alice).asset


def register(workspace, alice, *steps):
    types = {"id": {"type": "long"}, "age": {"type": "long"}, "at": {"type": "datetime"}}
    source = {"datastore": "workspaceblobstore", "path": "in/*.csv"}
    definition = {
        "kind": "tabular",
        "paths": [source],
        "steps": [{"type": "read_delimited", "column_types": types}, *steps],
    }
    fields = {"kind": "tabular", "definition": definition}
    return datasets.register_dataset(Actor(alice), workspace, "diabetes dataset", "auto", fields)[0]


def test_a_new_version_is_checked_and_says_which_rows_break_a_rule(as_user, alice, bob, workspace, asset):
    client = Client(headers={"Authorization": f"Bearer {factories.make_token(alice)}"})
    address = f"{WORKSPACE_PATH}/data/diabetes dataset"
    body = json.dumps({"properties": {"qualityRules": RULES}})
    assert client.put(address, body, "application/json").json()["properties"]["qualityRules"] == RULES
    assert client.get(f"{address}/versions/1/quality").json()["state"] is None
    made = register(workspace, alice, {"type": "take", "count": 3})
    page = HERE.replace("/1/", f"/{made.version}/")
    assert "The rules are being checked: 0 %" in as_user(bob).get(f"{page}quality/").text
    tasks.work_on_data()
    found = client.get(f"{address}/versions/{made.version}/quality").json()
    assert found["state"] == "Completed" and found["columns"] == ["id", "age", "note", "at"]
    states = [(one["state"], one["failing"]) for one in found["rules"]]
    wanted = [("Failed", 1), ("Failed", 1), ("Passed", 0), ("Failed", 2), ("Failed", 1), ("Passed", 0)]
    assert states == [*wanted, ("Failed", 0), ("Passed", 0), ("Error", 0), ("Error", 0)]
    assert found["rules"][1]["examples"] == [["3", "140", "c", "2020-01-01 00:00:00"]]
    assert found["rules"][6]["problem"] == f"The newest row is of {AGO:%Y-%m-%d %H:%M} UTC."
    assert found["rules"][8]["problem"] == "There is no column 'none'."
    shown = as_user(bob).get(f"{page}quality/").text
    assert "age is at least 0 and at most 120" in shown
    assert "1 row breaks it" in " ".join(shown.split()) and "2 rows break it" in " ".join(shown.split())
    assert "7 rules broken" in " ".join(as_user(bob).get(LIST).text.split())
    assert "7 rules broken" in " ".join(as_user(bob).get(page).text.split())


def test_rules_are_added_and_removed_on_the_page(as_user, alice, bob, asset):
    add = {"act": "add", "rule_type": "range", "column": "age", "minimum": "0", "maximum": "2"}
    assert as_user(bob).post(f"{HERE}quality/", add).status_code == 403
    browser = as_user(alice)
    assert "needs min or max" in browser.post(f"{HERE}quality/", {**add, "minimum": "", "maximum": ""}).text
    assert browser.post(f"{HERE}quality/", add).status_code == 302
    browser.post(f"{HERE}quality/", {"act": "add", "rule_type": "set", "column": "note", "values": "a, b"})
    asset.refresh_from_db()
    values = {"type": "set", "column": "note", "values": ["a", "b"]}
    assert asset.quality_rules == [{"type": "range", "column": "age", "min": 0.0, "max": 2.0}, values]
    browser.post(f"{HERE}quality/", {"act": "remove", "number": "0"})
    browser.post(f"{HERE}quality/", {"act": "check"})
    asset.refresh_from_db()
    assert asset.quality_rules == [values]
    assert "The rules are being checked" in browser.get(f"{HERE}quality/").text


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"type": "new", "column": "a"}, "not_null or range"),
        ({"type": "unique"}, "column"),
        ({"type": "unique", "column": "a", "min": 1}, "has no min"),
        ({"type": "set", "column": "a"}, "needs values"),
        ({"type": "set", "column": "a", "values": [None]}, "texts of up to"),
        ({"type": "range", "column": "a", "min": "soon"}, "not a number, nor a time"),
        ({"type": "freshness", "column": "a", "hours": 0}, "number of hours"),
    ],
)
def test_a_wrong_rule_is_refused(rule, words):
    with pytest.raises(Invalid, match=words):
        quality.check_rules([rule])
