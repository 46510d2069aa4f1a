"""Outputs, logs and code: previews, ranges, search and downloads."""

import io
import zipfile
from urllib.parse import quote

import pytest
from django.urls import reverse

from accounts.models import User
from runs.files import artifacts, logs
from runs.seeding.contents import SCRIPT, log_text
from runs.seeding.full_run import make_full_run
from tests import factories
from tests.runs.conftest import kept_runs
from workspaces.models import Workspace


@pytest.fixture
def workspace(db, kept_experiment):
    return Workspace.objects.get(pk=kept_experiment.workspace_id)


@pytest.fixture
def alice(db, kept_experiment):
    return User.objects.get(username="alice")


@pytest.fixture(scope="module")
def full_run(kept_experiment):
    return make_full_run(kept_experiment, User.objects.get(username="alice"))


@pytest.fixture
def run(db, full_run):
    return kept_runs(full_run)[0]


@pytest.fixture
def client(as_user, alice):
    return as_user(alice)


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_files_are_for_members_alone(as_user, bob, mallory, run):
    for name in ["run_file", "run_file_state", "run_file_search"]:
        query = {"path": "user_logs/std_log.txt", "q": "epoch"}
        assert as_user(bob).get(url_of(run, name), query).status_code == 200
        assert as_user(mallory).get(url_of(run, name), query).status_code == 404
        assert as_user(bob).post(url_of(run, name)).status_code == 405


def test_each_file_has_a_download(client, run):
    for name, paths in (
        ("run_detail", ["outputs/model.pkl"]),
        ("run_files", ["outputs/model.pkl", "plots/digits_0.png"]),
    ):
        page = client.get(url_of(run, name)).content.decode()
        for path in paths:
            assert f"?path={quote(path, safe='')}&amp;download" in page, f"{path} on {name}"
    assert "The first 5 outputs" in client.get(url_of(run, "run_detail")).content.decode()
    assert "&amp;download" not in client.get(url_of(run, "run_code")).content.decode()


def test_the_log_is_shown_first(client, run):
    page = client.get(url_of(run, "run_files")).content.decode()
    assert 'data-path="user_logs/std_log.txt"' in page and "epoch 399" in page, "the end is there without JavaScript"


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("outputs/sample.csv", '<th scope="col">b</th>'),
        ("outputs/summary.json", '<span class="nt">"accuracy"</span>'),
        ("outputs/notes.md", "<em>works</em>"),
        ("outputs/train.py", '<span class="kn">from</span>'),
        ("outputs/report.html", '<iframe class="page-frame" sandbox'),
        ("outputs/model.pkl", "This file is not text"),
        ("plots/digits_0.png", '<div class="image-stage">'),
        ("confusion", "class_labels"),
    ],
)
def test_previews_follow_the_type(client, run, path, shows):
    page = client.get(url_of(run, "run_files"), {"path": path}).content.decode()
    assert shows in page
    assert "<script>alert(1)" not in page and "<h1>Report" not in page


def test_a_preview_has_a_limit(client, run, settings):
    settings.PREVIEW_MAX_BYTES = 1000
    artifacts.store_artifact(run, "outputs/big.py", iter([b"x = 1\n" * 1000]))
    page = client.get(url_of(run, "run_files"), {"path": "outputs/big.py"}).content.decode()
    assert "Only the first 1,000 of 6,000 bytes are shown" in page


def test_an_unknown_file_is_reported(client, run):
    page = client.get(url_of(run, "run_files"), {"path": "../nowhere"}).content.decode()
    assert "no file &#x27;../nowhere&#x27;. user_logs/std_log.txt is shown instead." in page
    page = client.get(url_of(run, "run_files"), {"path": "outputs/model.pkl"}).content.decode()
    assert "is shown instead" not in page
    assert client.get(url_of(run, "run_file"), {"path": "nowhere"}).status_code == 404
    assert client.get(url_of(run, "run_file")).status_code == 400


def test_a_file_of_a_run_never_runs_in_our_origin(client, run):
    answer = client.get(url_of(run, "run_file"), {"path": "outputs/report.html"})
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts;") and "allow-same-origin" not in policy
    assert "connect-src 'none'" in policy and answer.headers["X-Content-Type-Options"] == "nosniff"
    other = client.get(url_of(run, "run_file"), {"path": "outputs/train.py"})
    assert other.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert (
        client.get(url_of(run, "run_file"), {"path": "outputs/train.py"})
        .headers["Content-Type"]
        .startswith("text/plain")
    )


def test_download(client, run):
    answer = client.get(url_of(run, "run_file"), {"path": "outputs/sample.csv", "download": ""})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sample.csv"'
    assert body(answer) == b"a,b,c\n1,2,3\n4,5,6\n"


@pytest.mark.parametrize(
    ("requested", "status", "content"),
    [
        ("bytes=0-4", 206, b"a,b,c"),
        ("bytes=12-", 206, b"4,5,6\n"),
        ("bytes=12-99", 206, b"4,5,6\n"),
        ("bytes=99-", 416, None),
        ("lines=1-2", 400, None),
    ],
)
def test_ranges(client, run, requested, status, content):
    answer = client.get(url_of(run, "run_file"), {"path": "outputs/sample.csv"}, headers={"Range": requested})
    assert answer.status_code == status
    if content is not None:
        assert body(answer) == content and answer.headers["Content-Range"].endswith("/18")


def test_the_state_of_a_file_counts_its_lines(client, run):
    answer = client.get(url_of(run, "run_file_state"), {"path": "outputs/sample.csv", "start": 12})
    assert answer.json() == {"size": 18, "sizeText": "18 B", "active": True, "line": 2}


def test_search_names_offsets_and_lines(client, run):
    answer = client.get(url_of(run, "run_file_search"), {"path": "user_logs/std_log.txt", "q": "EPOCH 39 "}).json()
    [hit] = answer["hits"]
    text = log_text(400)
    assert hit["line"] == 40 and text[hit["offset"] :].startswith(hit["text"].encode())
    assert client.get(url_of(run, "run_file_search"), {"path": "user_logs/std_log.txt"}).status_code == 400


def test_search_goes_on_across_parts_and_stops_at_its_limit(run, monkeypatch):
    monkeypatch.setattr("studio.storage.PART", 1000)
    log = run.artifacts.get(path="user_logs/std_log.txt")
    found = logs.search_log(log, "epoch")
    assert [hit["line"] for hit in found["hits"]] == list(range(1, 401))
    monkeypatch.setattr("runs.files.logs.MAX_HITS", 100)
    first = logs.search_log(log, "epoch")
    second = logs.search_log(log, "epoch", first["next"])
    assert first["hits"][-1]["line"] == 100 and second["hits"][0]["line"] == 101


def test_all_files_as_one_zip(client, run):
    answer = client.get(url_of(run, "run_files_zip"))
    archive = zipfile.ZipFile(io.BytesIO(body(answer)))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == sorted(run.artifacts.values_list("path", flat=True))
    assert archive.read("user_logs/std_log.txt") == log_text(400)


def test_code_opens_at_the_script(client, run):
    page = client.get(url_of(run, "run_code")).content.decode()
    assert 'title="train.py"' in page and '<span class="nb">range</span>' in page and 'id="L-3"' in page
    assert "<h1>Data</h1>" in client.get(url_of(run, "run_code"), {"path": "data/readme.md"}).content.decode()
    page = client.get(url_of(run, "run_code"), {"path": "../etc/passwd"}).content.decode()
    assert "no file &#x27;../etc/passwd&#x27;. train.py is shown instead." in page


def test_code_as_zip(client, run):
    archive = zipfile.ZipFile(io.BytesIO(body(client.get(url_of(run, "run_code_zip")))))
    assert archive.read("train.py").decode() == SCRIPT


def test_a_run_without_code_says_so(client, workspace):
    run = factories.make_run(workspace)
    assert "No code" in client.get(url_of(run, "run_code")).content.decode()
    assert client.get(url_of(run, "run_code_zip")).status_code == 400
