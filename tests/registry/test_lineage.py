"""One graph from data to jobs, models and jobs that read them, both ways; by page and REST."""

import re
from urllib.parse import quote

import pytest

from accounts.actors import Actor
from assets.data.models import DataAsset, DataVersion
from registry import lineage
from registry.models import RunModel
from runs.job_data import make_link
from runs.models import RunDataset
from tests import factories

V = "/modelmanagement/v1.0{}/lineage"


def make_data(workspace, asset, number):
    definition = {"kind": "tabular", "paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}], "steps": []}
    fields = {"kind": "tabular", "definition": definition, "digest": "0", "version": str(number)}
    return DataVersion.objects.create(workspace=workspace, asset=asset, number=number, **fields)


@pytest.fixture
def family(workspace):
    """diabetes 1 → teacher → digits 1 → copy 1; the job "reader" read the logged model of digits 1."""
    asset = DataAsset.objects.create(workspace=workspace, name="diabetes", last_number=2)
    data, newer = make_data(workspace, asset, 1), make_data(workspace, asset, 2)
    run = factories.make_run(workspace, run_id="teacher", display_name="teacher")
    RunDataset.objects.add([make_link(run, data, "training_data")])
    logged = factories.make_logged_model(run.experiment, run=run, name="l")
    fields = {"run": run, "source_run_id": "teacher", "source": "runs:/teacher/m", "logged_model": logged}
    version = factories.make_model_version(
        workspace, "digits", datasets=[{"name": "test data", "id": str(newer.dataset_id)}], **fields
    )
    factories.make_model_version(workspace, "copy", source="models:/digits/1")
    reader = factories.make_run(workspace, run_id="reader", display_name="reader")
    RunModel.objects.create(run=reader, logged_model=logged, model_id=logged.model_id, made=False)
    factories.make_run(workspace, run_id="alone")
    return version


def names(graph) -> list[str]:
    return sorted(node.label for node in graph.nodes.values())


def test_the_graph_is_followed_both_ways_from_any_node(workspace, family):
    start = lineage.key_of(family)
    up, down = ["diabetes, version 1", "diabetes, version 2", "teacher"], ["copy, version 1", "reader"]
    assert names(lineage.find_graph(workspace, start, "up")) == sorted([*up, "digits, version 1"])
    assert names(lineage.find_graph(workspace, start, "down")) == sorted([*down, "digits, version 1"])
    graph = lineage.find_graph(workspace, start)
    assert names(graph) == sorted([*up, *down, "digits, version 1"]) and not graph.is_cut
    columns = {node.label: node.column for node in graph.nodes.values()}
    assert columns["diabetes, version 1"] < columns["teacher"] < columns["digits, version 1"] < columns["reader"]
    data = next(node.key for node in graph.nodes.values() if node.label == "diabetes, version 1")
    assert "reader" in names(lineage.find_graph(workspace, data))
    assert names(lineage.find_graph(workspace, lineage.GraphKey("job", "alone"))) == ["run 1"]


def test_what_is_in_the_trash_is_not_in_the_graph(workspace, family, alice):
    family.move_to_trash(Actor(alice))
    assert names(lineage.find_graph(workspace, lineage.GraphKey("job", "teacher"))) == [
        "diabetes, version 1",
        "teacher",
    ]


def test_pages_show_it_and_say_that_data_is_outdated(as_user, bob, workspace, family):
    client = as_user(bob)
    page = client.get(family.get_absolute_url() + "lineage/").content.decode()
    assert "<svg" in page and "newer: version 2" in page and "/runs/reader/" in page
    page = client.get("/ws/aml-workspace/runs/teacher/lineage/").content.decode()
    assert "/models/copy/versions/1/" in page
    page = client.get(f"{family.get_absolute_url()}data/").content.decode()
    assert "diabetes, version 1" in page and "newer: version 2" in page and "test data" in page
    assert "Nothing is connected" in client.get("/ws/aml-workspace/runs/alone/lineage/").content.decode()


def test_the_page_of_data_lists_the_models_that_were_trained_on_it(
    as_user, bob, mallory, workspace, family, django_assert_max_num_queries
):
    address = "/ws/aml-workspace/data/assets/diabetes/versions/{}/models/"
    for number, use in ((1, "input of the job"), (2, "test data")):
        page = as_user(bob).get(address.format(number)).text
        assert "digits:1" in page and use in page and "copy:1" not in page, number
    # The entry of the navigation.
    assert re.search(r'href="/ws/aml-workspace/data/"[^>]*aria-current="page"', page)
    assert "/runs/teacher/" in page and 'href="/ws/aml-workspace/models/digits/versions/1/"' in page
    for number in range(20):
        factories.make_model_version(workspace, f"more-{number}", run=family.run, source_run_id="teacher")
    with django_assert_max_num_queries(30):
        assert "more-19:1" in as_user(bob).get(address.format(1)).text
    assert as_user(mallory).get(address.format(1)).status_code == 404
    assert as_user(bob).post(address.format(1)).status_code == 405
    make_data(workspace, DataAsset.objects.get(name="diabetes"), 3)
    assert "No models yet" in as_user(bob).get(address.format(3)).text


def test_the_page_of_data_shows_the_graph_and_what_its_removal_means(as_user, alice, bob, mallory, workspace, family):
    address = "/ws/aml-workspace/data/assets/diabetes/versions/1/"
    page = as_user(bob).get(f"{address}lineage/").text
    assert "<svg" in page and "/runs/teacher/" in page and "/models/digits/versions/1/" in page
    assert as_user(mallory).get(f"{address}lineage/").status_code == 404
    assert as_user(bob).post(f"{address}lineage/").status_code == 405
    page = as_user(alice).get(f"{address}remove/").text
    assert "Job teacher" in page and "Model digits:1" in page and "/models/digits/versions/1/" in page


def test_rest_gives_nodes_and_edges(api, bob, workspace, family):
    address = V.format(workspace.arm_id)
    found = api(bob).get(f"{address}?kind=model&id=digits:1&direction=down").json()
    assert sorted((edge["label"], edge["target"]["id"]) for edge in found["edges"]) == [
        ("copied", "copy:1"),
        ("read", "reader"),
    ]
    for query, status in (
        ("kind=cat&id=x", 400),
        ("kind=job&id=none", 404),
        ("kind=model&id=a:1&direction=left", 400),
        ("kind=model&id=digits:²", 404),
    ):
        assert api(bob).get(f"{address}?{query}").status_code == status, query


def test_a_graph_that_is_too_large_is_cut_at_the_nearest(workspace, family, monkeypatch):
    monkeypatch.setattr(lineage, "MAX_NODES", 3)
    graph = lineage.find_graph(workspace, lineage.key_of(family))
    assert graph.is_cut and len(graph.nodes) == 3


def test_data_is_found_by_its_whole_id_whatever_its_letters(api, bob, workspace, family):
    one = family.datasets[0]["id"]
    ids = {"alike": f"copy of {one}", "upper": one.upper(), "named": "Überblick@1"}
    for name, found in ids.items():
        factories.make_model_version(workspace, name, datasets=[{"name": one, "id": found}])
    family.edit(datasets=[{"name": "test data", "id": one}, {"name": "again", "id": one}])
    search = f"/modelmanagement/v1.0{workspace.arm_id}/models"
    for found, expected in ((one, "digits"), (ids["named"], "named"), (one[:8], None)):
        rows = api(bob).get(f"{search}?datasetId={quote(found)}").json()["value"]
        assert [row["id"].split("/")[-3] for row in rows] == ([expected] if expected else []), found
    assert names(lineage.find_graph(workspace, lineage.GraphKey("data", ids["named"]))) == [
        "named, version 1",
        "Überblick",
    ]
    assert "alike" not in str(names(lineage.find_graph(workspace, lineage.key_of(family))))
    family.edit(datasets=[])
    assert api(bob).get(f"{search}?datasetId={one}").json()["value"] == []
