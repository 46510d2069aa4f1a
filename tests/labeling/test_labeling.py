"""Labeling projects: creating one, labeling, agreement of several people, review, and the export."""

import base64

import pytest

from accounts.activity import Activity
from accounts.actors import Actor
from assets.data import datasets, previews, stores
from assets.models import Datastore
from labeling import items
from labeling.models import LabelingItem, LabelingProject
from studio import storage
from studio.errors import Conflict, Invalid, TooLarge
from tests import factories

LIST = "/ws/aml-workspace/labeling/"
PETS = f"{LIST}projects/pets/"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def files(workspace, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    return stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))


@pytest.fixture
def images(workspace, alice, files):
    for name in ("a #1.png", "b.png", "c.png", "notes.txt"):
        files.write(f"pets/{name}", iter([PIXEL]))
    return register(workspace, alice, "pet images", "file", "pets/**", [])


@pytest.fixture
def texts(workspace, alice, files):
    files.write("reviews/a.csv", iter([b'id,said\n1,"good, ""really"""\n2,\n']))
    files.write("reviews/b.csv", iter(["id,said\n3,schlecht – äußerst\n".encode()]))
    types = {"id": {"type": "long"}, "said": {"type": "string"}}
    return register(
        workspace, alice, "reviews", "tabular", "reviews/*.csv", [{"type": "read_delimited", "column_types": types}]
    )


def register(workspace, alice, name, kind, path, steps):
    definition = {"kind": kind, "paths": [{"datastore": "workspaceblobstore", "path": path}], "steps": steps}
    return datasets.register_dataset(Actor(alice), workspace, name, "auto", {"kind": kind, "definition": definition})[0]


def create(alice, version, **fields):
    return LabelingProject.create(Actor(alice), version, "pets", **{"labels": ["cat", "dog"], **fields})


def test_a_project_is_created_on_its_page(as_user, alice, workspace, files):
    browser = as_user(alice)
    assert "Create project" in browser.get(LIST).text and "No data assets yet" in browser.get(f"{LIST}new/").text
    for name in ("a.png", "b.png"):
        files.write(f"pets/{name}", iter([PIXEL]))
    register(workspace, alice, "pet images", "file", "pets/*.png", [])
    sent = {
        "name": "pets",
        "kind": "Image",
        "data_asset": "pet images",
        "labels": "cat\r\n dog \r\n",
        "labelers_per_item": "1",
    }
    wrong = {
        "Write 2 to 50 labels": {"labels": "cat"},
        "appears twice": {"labels": "cat\nCat"},
        "needs the name of the column": {"kind": "Text"},
        "is not a table": {"kind": "Text", "column": "said"},
        "Images have no column": {"column": "said"},
        "from 1 to 5": {"labelers_per_item": "6"},
        "is not a data name": {"name": "a/b"},
        "Select a valid choice": {"data_asset": "nothing"},
    }
    for message, fields in wrong.items():
        assert message in browser.post(f"{LIST}new/", {**sent, **fields}).text, message
    assert not LabelingProject.objects.exists()
    assert browser.post(f"{LIST}new/", sent).url == PETS
    assert "There is a labeling project pets already" in browser.post(f"{LIST}new/", sent).text
    page = browser.get(LIST).text
    assert "0 of 2" in page and "pet images:1" in page
    assert LabelingProject.objects.get().labels == ["cat", "dog"]
    assert Activity.objects.filter(verb="labeling.create").count() == 1


def test_one_person_labels_goes_back_and_skips(as_user, alice, images):
    project, browser = create(alice, images, instructions="Look at the ears."), as_user(alice)
    page = browser.get(f"{PETS}label/").text
    assert "Look at the ears." in page and 'data-label-key="2"' in page and "items/" in page
    first = project.find_next_item(alice)
    assert browser.post(f"{PETS}label/", {"item": first.number, "label": "bird"}).status_code == 400
    for label in ("cat", "dog", ""):
        number = project.find_next_item(alice).number
        assert browser.post(f"{PETS}label/", {"item": number, "label": label}).url == f"{PETS}label/"
    assert project.count_states() == {"Labeled": 2, "NeedsReview": 0, "Skipped": 1, "NotStarted": 0}
    page = browser.get(f"{PETS}label/").text
    assert "Nothing left for you to label" in page and "All items are done" in page
    back = browser.get(f"{PETS}label/?item={first.number}").text
    assert 'value="cat"' in back and 'aria-pressed="true"' in back
    browser.post(f"{PETS}label/", {"item": first.number, "label": "dog"})
    assert project.count_labels() == [("cat", 0), ("dog", 2)]
    assert "of 3 items" in browser.get(PETS).text


def test_what_most_people_say_counts_and_the_rest_is_reviewed(as_user, alice, workspace, images):
    people = [alice, *(factories.make_user(name) for name in ("ann", "ben"))]
    for person in people[1:]:
        factories.give_role(person, "Contributor", workspace)
    project = create(alice, images, labelers_per_item=3, labels=["cat", "dog", "fox"])
    given = {1: ["cat", "cat", "dog"], 2: ["cat", "dog", "fox"], 3: ["", "", "dog"]}
    for number, labels in given.items():
        for person, label in zip(people, labels, strict=True):
            project.items.get(number=number).add_answer(person, label)
    states = list(project.items.values_list("state", "label"))
    assert states == [("Labeled", "cat"), ("NeedsReview", ""), ("Skipped", "")]
    late = factories.make_user("late")
    with pytest.raises(Conflict, match="meanwhile"):
        project.items.get(number=1).add_answer(late, "cat")
    counted = {row["person"].username: (row["shared"], row["agreed"]) for row in project.list_labelers()}
    assert counted == {"alice": (1, 1), "ann": (1, 1), "ben": (1, 0)}
    browser = as_user(alice)
    assert "67 % of the labels match the majority" in browser.get(PETS).text
    assert "items/2/" in browser.get(f"{PETS}items/?state=NeedsReview").text
    page = browser.get(f"{PETS}items/2/").text
    assert "ann:" in page and "Needs review" in page
    assert browser.post(f"{PETS}items/2/", {"act": "decide", "label": "fox"}).url == f"{PETS}items/2/"
    assert "decided by" in browser.get(f"{PETS}items/2/").text
    with pytest.raises(Conflict, match="meanwhile"):
        project.items.get(number=2).add_answer(alice, "cat")
    browser.post(f"{PETS}items/1/", {"act": "return"})
    assert (
        project.items.get(number=1).state == LabelingItem.State.OPEN and not project.items.get(number=1).answers.all()
    )
    assert browser.post(f"{PETS}items/1/", {"act": "guess"}).status_code == 400


def test_people_start_at_different_places(alice, images):
    project = create(alice, images)
    LabelingItem.objects.bulk_create(LabelingItem(project=project, number=number, text="x") for number in range(4, 101))
    starts = {project.find_next_item(factories.make_user(f"p{number}")).number for number in range(8)}
    assert len(starts) == 8


def test_labels_become_a_data_asset(as_user, alice, workspace, texts, images, files):
    project = create(alice, texts, column="said", labels=["good", "bad"])
    assert sorted(project.items.values_list("text", flat=True)) == ['good, "really"', "schlecht – äußerst"]
    browser = as_user(alice)
    assert "has no labeled items yet" in browser.post(f"{PETS}change/", {"act": "export"}, follow=True).text
    for item in project.items.all():
        item.add_answer(alice, "good" if "good" in item.text else "bad")
    assert browser.post(f"{PETS}change/", {"act": "export"}).url.endswith("/pets-labels/versions/1/")
    made = datasets.find_version(workspace, "pets-labels")
    preview = previews.read_preview(workspace, made.definition)
    assert preview.columns == [("text", "string"), ("label", "string"), ("label_confidence", "float")]
    assert sorted(preview.rows) == [['good, "really"', "good", "1"], ["schlecht – äußerst", "bad", "1"]]
    other = LabelingProject.create(Actor(alice), images, "other", labels=["cat", "dog"])
    other.items.get(path="pets/a #1.png").add_answer(alice, "cat")
    browser.post(f"{LIST}projects/other/change/", {"act": "export"})
    rows = previews.read_preview(workspace, datasets.find_version(workspace, "other-labels").definition).rows
    assert rows == [["azureml://datastores/workspaceblobstore/paths/pets/a #1.png", "cat", "1"]]


def test_the_image_of_an_item_is_sent_as_any_file_of_people(as_user, bob, alice, images, files):
    project = create(alice, images)
    number = project.items.get(path="pets/a #1.png").number
    answer = as_user(bob).get(f"{PETS}items/{number}/file/")
    assert (
        answer.getvalue() == PIXEL
        and answer["Content-Type"] == "image/png"
        and "sandbox" in answer["Content-Security-Policy"]
    )
    files.delete("pets/a #1.png")
    assert as_user(bob).get(f"{PETS}items/{number}/file/").status_code == 404
    assert as_user(bob).get(f"{PETS}items/99/").status_code == 404


def test_labels_in_use_stay_and_archived_projects_rest(as_user, alice, images):
    project, browser = create(alice, images), as_user(alice)
    project.items.get(number=1).add_answer(alice, "cat")
    assert "so it cannot be removed" in browser.post(f"{PETS}settings/", {"labels": "dog\nfox"}).text
    assert browser.post(f"{PETS}settings/", {"labels": "cat\nfox", "instructions": "Ears."}).status_code == 302
    project.refresh_from_db()
    assert project.labels == ["cat", "fox"] and project.instructions == "Ears."
    browser.post(f"{PETS}change/", {"act": "archive"})
    assert (
        "pets" not in browser.get(LIST).text.partition("list-card")[2]
        and "pets" in browser.get(f"{LIST}?archived").text
    )
    with pytest.raises(Conflict, match="archived"):
        project.items.get(number=2).add_answer(alice, "cat")
    browser.post(f"{PETS}change/", {"act": "restore"})
    project.items.get(number=2).add_answer(alice, "cat")


def test_readers_see_and_strangers_do_not(as_user, bob, mallory, alice, images):
    create(alice, images)
    for address in ("", "items/", "items/1/", "settings/"):
        assert as_user(bob).get(PETS + address).status_code == 200, address
        assert as_user(mallory).get(PETS + address).status_code == 404, address
    assert as_user(bob).get(f"{PETS}label/").status_code == as_user(bob).get(f"{LIST}new/").status_code == 403
    for address in ("label/", "items/1/", "settings/", "change/"):
        assert as_user(bob).post(PETS + address, {"act": "decide", "label": "cat"}).status_code == 403, address
    assert as_user(alice).get(f"{PETS}change/").status_code == 405
    assert as_user(alice).post(f"{PETS}items/1/file/").status_code == 405
    assert as_user(alice).get(f"{LIST}projects/none/").status_code == 404
    assert as_user(alice).get(f"{PETS}items/?state=Odd").status_code == 400
    for number in ("9" * 30, "-1", "x", ""):
        assert as_user(alice).post(f"{PETS}label/", {"item": number, "label": "cat"}).status_code == 404, number


def test_what_cannot_be_labeled_is_refused(alice, workspace, images, texts, monkeypatch):
    wrong = [
        (images, {"column": "said"}, Invalid, "is not a table"),
        (texts, {}, Invalid, "is a table. Name the column"),
        (texts, {"column": "none"}, Invalid, "none"),
        (register(workspace, alice, "notes", "file", "pets/*.txt", []), {}, Invalid, "has no images"),
    ]
    for version, fields, error, message in wrong:
        with pytest.raises(error, match=message):
            create(alice, version, **fields)
    monkeypatch.setattr(items, "MAX_ITEMS", 2)
    with pytest.raises(TooLarge, match="more than 2 items"):
        create(alice, images)
    assert not LabelingProject.objects.exists()


def test_pages_have_few_queries(as_user, alice, images, django_assert_max_num_queries):
    project, browser = create(alice, images), as_user(alice)
    for number in range(12):
        LabelingProject.create(Actor(alice), images, f"more {number}", labels=["a", "b"])
    project.items.get(number=1).add_answer(alice, "cat")
    for address in (LIST, PETS, f"{PETS}items/", f"{PETS}items/1/", f"{PETS}label/"):
        browser.get(address)
        with django_assert_max_num_queries(16):
            browser.get(address)
