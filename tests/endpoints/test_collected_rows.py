"""Rows of a ModelDataCollector: from a real process to a data asset with a file for each day, within their bounds."""

import csv
import datetime as dt
import io
import time

import pytest
from django.utils import timezone

from assets.data import previews, stores
from assets.data.models import DataAsset, Datastore, DataVersion
from endpoints import calls, collected_rows, tasks
from endpoints.models import CollectedRows, Endpoint
from tests import factories
from tests.html import html_of

COLLECTING = """
import json
from azureml.monitoring import ModelDataCollector
def init():
    global inputs
    inputs = ModelDataCollector("mod", designation="inputs", feature_names=["age", "height"])
def run(data):
    rows = json.loads(data)["data"]
    inputs.collect(rows)
    return len(rows)
"""


@pytest.fixture
def endpoint(workspace, alice):
    return Endpoint.create(workspace, alice, "svc", collects_data=True)


def add_rows(endpoint, *rows, days=0, **fields):
    at = timezone.now() - dt.timedelta(days=days)
    fields = {"model": "mod", "version": "1", "designation": "inputs", "columns": ["age", "height"], **fields}
    return CollectedRows.objects.create(endpoint=endpoint, at=at, rows=list(rows), request_id="r1", **fields)


def read_file(workspace, path):
    store = Datastore.objects.of(workspace).select_related("workspace").get(name="workspaceblobstore")
    files = stores.DatastoreFiles(store)
    return list(csv.DictReader(io.StringIO(files.read(path, 0, files.find(path).size).decode())))


@pytest.mark.django_db(transaction=True)
def test_rows_of_a_script_become_a_data_asset(workspace, deploy, start, endpoint, as_user, alice):
    version = factories.make_model_version(workspace, "mod")
    revision = start(deploy(COLLECTING))
    # Its files are elsewhere; only the number of the version is of interest.
    revision.model_versions.add(version)
    endpoint = Endpoint.objects.with_state().get()
    assert calls.send_test(endpoint, '{"data": [[41, 1.8], [7, 1.2]]}').text == "2"
    end = time.monotonic() + 20
    while not CollectedRows.objects.exists() and time.monotonic() < end:
        time.sleep(0.1)
    row = CollectedRows.objects.get()
    assert (row.model, row.version, row.columns, row.rows) == ("mod", "1", ["age", "height"], [[41, 1.8], [7, 1.2]])
    tasks.store_collected_rows()
    asset = DataAsset.objects.get()
    assert asset.name == "svc-mod-inputs"
    *_, source = previews.list_sources(workspace, asset.versions.get().definition)
    folder = "modeldata/sub-1/aml-resources/aml-workspace/svc/mod/1/inputs"
    assert source.path == f"{folder}/{timezone.now():%Y/%m/%d}/data.csv"
    first, second = read_file(workspace, source.path)
    assert (first["age"], second["height"], first["$aml_dc_correlation_id"]) == ("41", "1.2", row.request_id)
    assert len(row.request_id) == 36


def test_the_tab_data_leads_to_the_rows_of_each_version_of_a_model(workspace, alice, as_user):
    parent = Endpoint.create(workspace, alice, "svc", has_versions=True, collects_data=True)
    blue = Endpoint.create_version(parent, alice, "blue")
    for endpoint, number in [(blue, 1), (Endpoint.create(workspace, alice, "svc-two"), 1), (blue, 2), (blue, 1)]:
        add_rows(endpoint, [1, number], version=str(number))
        tasks.store_collected_rows()
    page = html_of(as_user(alice).get(f"{parent.get_absolute_url()}data/"))
    for number in (1, 2):
        shown = f'>svc.blue-mod-inputs:{number}</a><span class="muted">mod:{number}</span>'
        assert shown in page
    assert "svc-two" not in page
    for row in DataVersion.objects.filter(asset__name="svc.blue-mod-inputs"):
        *_, source = previews.list_sources(workspace, row.definition)
        assert f"/mod/{row.version}/" in source.path


def test_a_file_is_written_anew_while_its_day_lasts_and_then_its_rows_go(endpoint):
    add_rows(endpoint, [1, 2])
    add_rows(endpoint, [5], columns=["age"], days=1)
    for _ in range(2):
        tasks.store_collected_rows()
    add_rows(endpoint, [3, 4], columns=["age", "weight"])
    tasks.store_collected_rows()
    tasks.store_collected_rows()
    group = {"model": "mod", "version": "1", "designation": "inputs"}
    folder = collected_rows.find_folder(endpoint, group)
    found = read_file(endpoint.workspace, f"{folder}/{timezone.now():%Y/%m/%d}/data.csv")
    assert [(row["age"], row["height"], row["weight"]) for row in found] == [("1", "2", ""), ("3", "", "4")]
    assert CollectedRows.objects.count() == 2 and DataAsset.objects.get().versions.count() == 1


def test_the_rows_of_a_day_are_bounded_and_odd_names_are_folders(endpoint, monkeypatch):
    monkeypatch.setattr(collected_rows, "MAX_DAY", 2)
    for number in range(4):
        add_rows(endpoint, [number, number], model="../a b", designation="..")
    tasks.store_collected_rows()
    assert CollectedRows.objects.filter(is_stored=True).count() == CollectedRows.objects.count() == 2
    group = {"model": "../a b", "version": "1", "designation": ".."}
    assert collected_rows.find_folder(endpoint, group).endswith("/svc/a-b/1/default")
    assert DataAsset.objects.get().name == "svc-a-b-default"
