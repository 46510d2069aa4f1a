"""Labeling projects over REST and by the command line: create, label, decide, export, and who may."""

import pytest

from accounts.activity import Activity
from labeling.models import LabelingProject
from tests.labeling.test_labeling import files, images  # noqa: F401 - fixtures


@pytest.fixture
def pets(workspace):
    return f"{workspace.arm_id}/labelingJobs/pets"


def put(client, address, **properties):
    return client.put(address, {"properties": properties})


def test_a_project_is_created_labeled_and_exported(api, alice, bob, workspace, images, pets):  # noqa: F811
    client = api(alice)
    made = put(client, pets, dataAsset="pet images", labels=["cat", "dog"], labelersPerItem=1)
    assert made.status_code == 201 and made.json()["properties"]["kind"] == "Image"
    found = api(bob).get(f"{pets}/items").json()["value"]
    assert [one["number"] for one in found] == [1, 2, 3] and found[0]["address"].startswith("azureml://datastores/")
    for number, label in ((1, "cat"), (2, ""), (3, "dog")):
        item = client.put(f"{pets}/items/{number}", {"label": label}).json()
        assert item["label"] == label and item["answers"][0]["person"] == "alice", number
    decision = {"label": "cat", "isDecision": True}
    assert client.put(f"{pets}/items/3", decision).json()["decidedBy"] == "alice"
    [listed] = api(bob).get(f"{workspace.arm_id}/labelingJobs").json()["value"]
    counts = {"totalDatapointCount": 3, "completedDatapointCount": 2, "skippedDatapointCount": 1}
    assert listed["properties"]["progressMetrics"] == {**counts, "needsReviewDatapointCount": 0}
    assert [one["number"] for one in client.get(f"{pets}/items?state=Labeled&label=cat").json()["value"]] == [1, 3]
    exported = client.post(f"{pets}/exportLabels").json()
    assert (exported["name"], exported["version"]) == ("pets-labels", "1")
    changed = put(client, pets, labels=["cat", "dog", "fox"], isArchived=True).json()["properties"]
    assert changed["labels"] == ["cat", "dog", "fox"] and changed["isArchived"]
    assert client.get(f"{workspace.arm_id}/labelingJobs").json()["value"] == []
    assert len(client.get(f"{workspace.arm_id}/labelingJobs?archived=true").json()["value"]) == 1
    verbs = Activity.objects.filter(verb__startswith="labeling.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["labeling." + verb for verb in ("create", "decide", "export", "edit", "archive")]


def test_wrong_requests_say_what_is_allowed(api, alice, images, pets):  # noqa: F811
    client = api(alice)
    good = {"dataAsset": "pet images", "labels": ["cat", "dog"]}
    for wrong, status, words in (
        ({"labels": None}, 400, "needs labels"),
        ({"dataAsset": None}, 400, "needs dataAsset"),
        ({"dataAsset": "nothing"}, 404, "nothing"),
        ({"labels": ["cat"]}, 400, "2 to 50 labels"),
        ({"labelersPerItem": 9}, 400, "1 to 5"),
        ({"column": "said"}, 400, "is not a table"),
    ):
        answer = put(client, pets, **{**good, **wrong})
        assert answer.status_code == status and words in answer.text, (wrong, answer.text)
    assert not LabelingProject.objects.exists()
    assert put(client, pets, **good).status_code == 201
    assert "does not change" in put(client, pets, **good).text
    for path, body, status in (("items/9", {"label": "cat"}, 404), ("items/1", {"label": "cow"}, 400)):
        assert client.put(f"{pets}/{path}", body).status_code == status, path
    assert "write Labeled" in client.get(f"{pets}/items?state=done").text
    assert client.post(f"{pets}/exportLabels").status_code == 409


def test_readers_read_and_strangers_get_nothing(api, alice, bob, mallory, images, pets):  # noqa: F811
    put(api(alice), pets, dataAsset="pet images", labels=["cat", "dog"])
    assert api(bob).get(pets).status_code == 200
    assert put(api(bob), pets, isArchived=True).status_code == 403
    assert api(bob).put(f"{pets}/items/1", {"label": "cat"}).status_code == 403
    assert api(bob).post(f"{pets}/exportLabels").status_code == 403
    for path in ("", "/items"):
        assert api(mallory).get(pets + path).status_code == 404, path
    assert api(alice).delete(pets).status_code == 405


def test_the_lists_have_few_queries(api, alice, images, pets, django_assert_max_num_queries):  # noqa: F811
    for number in range(5):
        put(api(alice), f"{pets}{number}", dataAsset="pet images", labels=["cat", "dog"])
    for address in (pets.rpartition("/")[0], f"{pets}1/items"):
        with django_assert_max_num_queries(15):
            assert len(api(alice).get(address).json()["value"]) >= 3
