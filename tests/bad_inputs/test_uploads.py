"""Rows of the catalogue about uploads, artifacts and snapshots."""

import os
import re
import socket

import pytest
from django.conf import settings
from lazuli.runner.uploads import list_files_below

from assets.data import stores
from assets.data.models import Datastore
from runs.models import Artifact, Run
from studio.errors import TooLarge
from tests import factories
from tests.bad_inputs.apis import ML, WORKSPACE_PATH, H, error_text

PATHS = [
    "../../etc/passwd",
    "..\\..\\x",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "a/../b",
    "a//b",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\x1bb",
    "x" * 5001,
    "x" * 256,
    "/".join(["a"] * 102),
    "",
    "a/",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path[:12]))
def test_an_invalid_path_stores_nothing(world, path):
    for method, action in (("PUT", "content"), ("POST", "append")):
        answer = world.generic(
            method, f"{H}/runs/r1/artifacts/{action}", b"abc", "text/plain", query_params={"path": path, "offset": "0"}
        )
        assert 400 <= answer.status_code < 500 and error_text(answer)
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        "bytes=5-2",
        "bytes=-0",
        "bytes=99-",
        "bytes=a-b",
        "bytes=" + "0-1," * 1000,
        "bytes=" + "9" * 5000 + "-",
        "lines=1-2",
    ],
)
def test_strange_ranges_are_answered_whole_or_refused(world, value):
    world.generic("PUT", f"{H}/runs/r1/artifacts/content?path=a.txt", b"abc", "text/plain")
    answer = world.get(f"{H}/runs/r1/artifacts/content?path=a.txt", headers={"Range": value})
    assert answer.status_code in (200, 416)
    assert answer.status_code == 416 or b"".join(answer.streaming_content) == b"abc"


CONTENT = f"{H}/runs/r1/artifacts/content"


def put(world, path: str, body: bytes = b"abc", kind: str = "text/plain"):
    return world.generic("PUT", CONTENT, body, kind, query_params={"path": path})


def test_names_that_differ_are_two_files(world):
    """Rows U09 and U10: by case, and by the form of a character, as Linux keeps them."""
    for path in ("A.txt", "a.txt", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"):
        assert put(world, path, path.encode()).status_code == 201
    for artifact in Artifact.objects.all():
        answer = world.get(CONTENT, {"path": artifact.path})
        assert b"".join(answer.streaming_content).decode() == artifact.path


def test_a_file_that_is_there_is_not_stored_again(world):
    """Rows U07 and U08: without overwrite=true the same bytes are refused like others."""
    put(world, "a.txt")
    for body in (b"abc", b"other"):
        answer = put(world, "a.txt", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "path_conflict")
    assert b"".join(world.get(CONTENT, {"path": "a.txt"}).streaming_content) == b"abc"


def test_a_file_of_a_registered_model_stays_until_its_version_is_gone(world, workspace):
    """Row U52."""
    for path in ("model/MLmodel", "model/data/weights", "other.txt"):
        put(world, path)
    run = Run.objects.get(run_id="r1")
    version = factories.make_model_version(workspace, "digits", run=run, source="runs:/r1/model")
    folder = f"{ML.removesuffix('mlflow')}mlflow-artifacts/artifacts/{run.experiment.experiment_id}/r1/artifacts/"
    for answer in (world.delete(f"{CONTENT}?path=model/data/weights"), world.delete(f"{folder}model")):
        assert answer.status_code == 409 and "belongs to the model digits, version 1" in error_text(answer)
    assert world.delete(f"{CONTENT}?path=other.txt").status_code == 200
    assert Artifact.objects.count() == 2
    version.delete()
    assert world.delete(f"{folder}model").status_code == 200
    assert not Artifact.objects.exists()


def test_a_datastore_is_listed_page_by_page_and_not_without_end(world, workspace):
    """Row U54."""
    address = f"{WORKSPACE_PATH}/datastores/workspaceblobstore/files"
    for name in "abc":
        assert world.generic("PUT", f"{address}/content?path={name}", b"x").status_code == 201
    first = world.get(f"{address}?$top=2").json()
    assert [row["path"] for row in first["value"]] == ["a", "b"]
    rest = world.get(first["nextLink"].partition(settings.PUBLIC_URL)[2] or first["nextLink"]).json()
    assert [row["path"] for row in rest["value"]] == ["c"]
    with pytest.raises(TooLarge, match="more than 2 files below the root"):
        stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore")).walk(limit=2)


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.xml", "a.pdf", "a.pkl", "a.joblib", "a.png", "a.xlsx"])
def test_no_file_of_a_user_runs_in_our_pages(world, name):
    """Rows U37, U38, U42, U45 and U46."""
    put(world, name, b"<script>alert(1)</script>", "text/html")
    answer = world.get(CONTENT, {"path": name})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment") or name.endswith(".png")


def test_the_server_loads_nothing_that_users_made():
    """Row U46: whatever may run code when it is read is never read here, nor is any picture decoded (row U44)."""
    loaders = re.compile(r"^\s*(?:import|from) (pickle|cloudpickle|joblib|dill|shelve|marshal|torch|PIL|cv2)\b", re.M)
    assert [path.name for path in server_modules() if loaders.search(path.read_text())] == []


def test_the_server_runs_no_text_as_code():
    runs = re.compile(r"(?<![\w.])(?:eval|exec)\(|shell=True|os\.(?:system|popen)\(|yaml\.(?:unsafe|full)_load\(")
    assert [path.name for path in server_modules() if runs.search(path.read_text())] == []


def server_modules() -> list:
    app_names = [app for app in settings.INSTALLED_APPS if (settings.BASE_DIR / app.split(".")[0]).is_dir()]
    modules = [
        path
        for app_name in {"mlflow_api", *app_names}
        for path in (settings.BASE_DIR / app_name.split(".")[0]).rglob("*.py")
    ]
    assert len(modules) > 200
    return modules


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"xxx", "multipart/form-data"),
        (
            b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n" * 3000 + b"--b--",
            "multipart/form-data; boundary=b",
        ),
        (
            b"--b\r\nContent-Disposition: form-data; name=x; filename=f\r\n\r\n1\r\n" * 200 + b"--b--",
            "multipart/form-data; boundary=b",
        ),
        (b"&".join(b"a%d=1" % number for number in range(5000)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_form_of_too_many_parts_is_refused(browser, body, kind):
    """Row U36."""
    assert browser.generic("POST", "/account/tokens/", body, kind).status_code == 400


def test_outputs_that_are_no_files_are_passed_over(tmp_path):
    """Row U58: nobody waits for a pipe."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
    (folder / "out").symlink_to("/etc/passwd")
    assert [name for name, _ in list_files_below(str(tmp_path), "outputs")] == ["outputs/a.txt"]
