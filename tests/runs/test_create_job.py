"""Create job: from an uploaded folder, or the code of an earlier job, to a run."""

import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from lazuli.runs.ignore_rules import IgnoreRules, walk_included
from lazuli.runs.secret_files import SecretFiles

from runs.files import code_uploads, snapshots
from runs.models import Run, Snapshot
from studio.errors import Invalid
from tests import factories
from tests.runs.test_snapshots import zipped

FOLDER = {
    "train.py": b"print(1)\n",
    "lib/a.py": b"",
    ".env": b"SECRET=1",
    ".git/config": b"url=x",
    "data/big.bin": b"0" * 100,
    "data/keep.csv": b"a",
    ".amlignore": b"data/*\n!data/keep.csv\n",
}
TAKEN = [".amlignore", "data/keep.csv", "lib/a.py", "train.py"]


def url(name: str, query: str = "") -> str:
    return reverse(f"runs:{name}", args=["aml-workspace"]) + query


def upload(client, files=FOLDER, query: str = "?rooted"):
    return client.post(url("job_code_upload", query), zipped(files), content_type="application/zip")


def newest_code() -> list[str]:
    return [file["path"] for file in Snapshot.objects.latest("pk").files]


@pytest.fixture
def filled(cluster) -> dict:
    """The settings as a person fills them in."""
    return {
        "command": "python train.py\r\n",
        "environment": "keep",
        "compute_id": "cpu-cluster",
        "experiment_name": "digits",
        "display_name": "first try",
        "environment_variables": "A=1",
        "tags": "team: vision",
    }


def test_what_is_taken_of_a_folder_is_what_the_sdk_takes(tmp_path):
    for path, content in FOLDER.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    rules = IgnoreRules.from_folder(str(tmp_path))
    paths = list(FOLDER)
    found = code_uploads.select_files(paths, rules)
    assert sorted(paths[n] for n in found.included) == list(walk_included(str(tmp_path), rules, SecretFiles(rules)))
    assert found.ignored == 1 and sorted(found.secrets) == [".env", ".git/"]
    assert "1 by .amlignore" in found.describe() and ".env" in found.describe()


def test_a_page_learns_which_files_to_send(as_user, alice, bob, workspace):
    body = {"paths": list(FOLDER), "ignore": {"name": ".amlignore", "text": FOLDER[".amlignore"].decode()}}

    def send(user, body):
        return as_user(user).post(url("job_code_select"), body, content_type="application/json")

    answer = send(alice, body).json()
    assert sorted(body["paths"][n] for n in answer["included"]) == TAKEN and ".env" in answer["leftOut"]
    assert send(bob, body).status_code == 403
    for wrong, says in [
        ({"paths": "x"}, "list of texts"),
        ({"paths": ["a"] * 20_001}, "20,001 files"),
        ({"paths": [], "ignore": {"name": "x", "text": ""}}, "not an ignore file"),
        ({"paths": [], "ignore": {"name": ".gitignore", "text": "x" * 2000}}, "more than 1000 characters"),
        ({"paths": [], "ignore": ["x"]}, "an object with"),
        ({"paths": ["a/" * 3000 + "x"]}, "2,000 are allowed"),
    ]:
        refused = send(alice, wrong)
        assert refused.status_code == 400 and says in refused.content.decode()


def test_very_many_patterns_for_very_many_files_are_stopped_in_time(monkeypatch):
    monkeypatch.setattr(code_uploads, "MAX_SECONDS", 0.05)
    rules = code_uploads.read_rules("\n".join(f"*a*a*a*{number}" for number in range(2000)), ".amlignore")
    with pytest.raises(Invalid, match=r"\.amlignore has too many patterns for 20,000 files"):
        code_uploads.select_files(["a" * 100] * 20_000, rules)


def test_a_path_may_be_deep():
    deep = "a/" * 900 + "x"
    assert code_uploads.select_files([deep], IgnoreRules()).included == [0]
    assert code_uploads.select_files([deep], IgnoreRules("a/a/\n", ".amlignore")).ignored == 1


def test_an_upload_is_a_snapshot_without_what_the_sdk_leaves_out(as_user, alice, workspace):
    answer = upload(as_user(alice), query="?rooted&experiment=a%20b&compute=c1")
    snapshot = Snapshot.objects.get()
    assert newest_code() == TAKEN and snapshot.created_by == alice
    assert answer.json()["next"] == url("job_new_settings", f"?experiment=a+b&compute=c1&code={snapshot.snapshot_id}")
    assert snapshots.read_file(snapshot, "train.py") == FOLDER["train.py"]
    assert upload(as_user(alice)).status_code == 200 and Snapshot.objects.count() == 1, "the same content is kept once"


def test_a_zip_of_a_folder_begins_below_that_folder(as_user, alice, workspace):
    inside = {f"project/{path}": content for path, content in FOLDER.items()}
    archive = SimpleUploadedFile("project.zip", zipped(inside), "application/zip")
    answer = as_user(alice).post(url("job_code_upload"), {"archive": archive}, follow=True)
    assert newest_code() == TAKEN
    assert answer.status_code == 200 and "those of secrets" in answer.content.decode()
    upload(as_user(alice), {"src/a.py": b"1"})
    assert newest_code() == ["src/a.py"], "what the page packs is not changed"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no zip", "not a readable zip"),
        (zipped({"../x": b""}), "contains .."),
        (zipped({".env": b""}), "no file that can"),
    ],
)
def test_what_cannot_be_code_is_refused(as_user, alice, workspace, content, says):
    answer = as_user(alice).post(url("job_code_upload"), content, content_type="application/zip")
    assert answer.status_code == 400 and says in answer.content.decode()
    assert as_user(alice).post(url("job_code_upload"), {"archive": ""}).status_code == 400
    assert not Snapshot.objects.exists()


def test_a_zip_that_unpacks_to_too_much_is_refused(as_user, alice, workspace, settings):
    settings.SNAPSHOT_MAX_BYTES = 1000
    assert upload(as_user(alice), {"a": b"0" * 1001}).status_code == 413


def test_those_who_may_not_submit_upload_nothing(as_user, bob, workspace):
    assert upload(as_user(bob)).status_code == 403
    for name in ("job_new", "job_new_settings"):
        assert as_user(bob).get(url(name)).status_code == 403
    page = as_user(bob).get(url("jobs")).content.decode()
    assert url("job_new") not in page and "Your role does not allow you to" in page


def test_a_job_is_reviewed_and_submitted_once(as_user, alice, workspace, filled):
    client = as_user(alice)
    page = upload(client).json()["next"]
    assert client.get(page).context["form"]["command"].value() == "python train.py"
    review = client.post(page, {**filled, "step": "review"}).content.decode()
    assert "Review" in review and "A=1" in review and 'value="python train.py' in review and not Run.objects.exists()
    back = client.post(page, {**filled, "step": "edit"})
    assert back.context["form"]["display_name"].value() == "first try"
    sent = {**filled, "step": "submit", "form_key": "k"}
    answers = [client.post(page, sent) for _ in range(2)]
    run = Run.objects.get()
    assert [answer.url for answer in answers] == [run.get_absolute_url()] * 2
    assert run.display_name == "first try" and run.experiment.name == "digits" and run.tags == {"team": "vision"}
    assert run.snapshot == Snapshot.objects.get() and run.compute.name == "cpu-cluster"
    assert run.status == Run.Status.QUEUED and run.work.spec["command"] == "python train.py"
    assert run.work.spec["environment_variables"] == {"A": "1"} and not run.warnings
    assert run.job["jobType"] == "Command" and run.job["codeId"] == str(run.snapshot.snapshot_id)


def test_a_mistake_stands_at_its_field(as_user, alice, workspace, filled):
    for step in ("review", "submit"):
        answer = as_user(alice).post(url("job_new_settings"), {**filled, "command": "", "tags": ":", "step": step})
        assert answer.status_code == 400 and set(answer.context["form"].errors) == {"command", "tags"}
    absent = url("job_new_settings", f"?code={uuid.uuid4()}")
    assert as_user(alice).get(absent).status_code == 400
    assert not Run.objects.exists()


def test_packages_written_for_a_new_job_are_its_environment(as_user, alice, workspace, filled):
    entered = {"environment": "packages", "conda_file": "dependencies: [python=3.12]", "step": "submit"}
    as_user(alice).post(url("job_new_settings"), {**filled, **entered})
    run = Run.objects.get()
    assert run.work.spec["environment"]["python"]["condaDependencies"] == {"dependencies": ["python=3.12"]}
    assert run.snapshot is None


def test_the_code_of_an_earlier_job_is_offered_once(as_user, alice, workspace, submitted):
    upload(as_user(alice))
    code = str(Snapshot.objects.get().snapshot_id)
    submitted("one", codeId=code)
    submitted("two", codeId=code)
    page = as_user(alice).get(url("job_new", "?compute=cpu-cluster"))
    assert [(run.run_id, address) for run, address in page.context["earlier"]] == [
        ("two", url("job_new_settings", f"?compute=cpu-cluster&code={code}"))
    ]


def test_a_job_is_submitted_again_with_other_code(as_user, alice, workspace, submitted):
    client = as_user(alice)
    run = submitted("first")
    page = upload(client, query="?rooted&from=first").json()["next"]
    assert page.startswith(reverse("runs:run_resubmit", args=["aml-workspace", "first"]))
    entered = {
        "command": run.job["command"],
        "environment": "keep",
        "compute_id": "cpu-cluster",
        "experiment_name": "exp",
    }
    answer = client.post(page, entered, follow=True)
    assert "Changed: code." in answer.content.decode()
    again = Run.objects.exclude(pk=run.pk).get()
    assert again.snapshot == Snapshot.objects.get() and again.job["codeId"] == str(again.snapshot.snapshot_id)


def test_code_of_another_workspace_is_not_found(as_user, alice, workspace):
    other = factories.make_workspace()
    foreign = Snapshot.objects.create(workspace=other, digest="d", key="k", size=1)
    assert as_user(alice).get(url("job_new_settings", f"?code={foreign.snapshot_id}")).status_code == 400


def test_rules_are_read_from_an_ignore_file_alone():
    with pytest.raises(Invalid):
        code_uploads.read_rules("", "other")
    assert json.dumps(code_uploads.select_files(["a"], code_uploads.read_rules("a", ".gitignore")).included) == "[]"
