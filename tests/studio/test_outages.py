"""A full disk, a locked database, one that is away: 507 or 503 in the format of the API or page, and nothing is half stored."""

import errno
import json
import logging
import sqlite3
import zipfile
from io import BytesIO

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from obstore.exceptions import GenericError
from obstore.store import LocalStore

from accounts.sessions import SessionStore
from runs.models import Artifact, MetricSeries, Run
from studio import outages, statement_limit, storage
from tests import factories
from workspaces.models import Role

P = "/subscriptions/sub-1/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
H = f"/history/v1.0{P}"
ML = f"/mlflow/v1.0{P}/api/2.0"
LOCAL_FULL = "Generic LocalFileSystem error: Unable to copy data to file: No space left on device (os error 28)"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError("as SQLite says it")
    cause.sqlite_errorcode = code
    return caused(OperationalError("as SQLite says it"), cause)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY), 503),
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), 503),
        (of_sqlite(sqlite3.SQLITE_LOCKED), 503),
        (of_sqlite(sqlite3.SQLITE_FULL), 507),
        (of_sqlite(sqlite3.SQLITE_IOERR_WRITE), 503),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), 503),
        (of_sqlite(sqlite3.SQLITE_ERROR), None),
        (caused(OperationalError("refused"), psycopg.OperationalError("connection refused")), 503),
        (caused(OperationalError("full"), psycopg.errors.DiskFull("could not extend file")), 507),
        (caused(OperationalError("many"), psycopg.errors.TooManyConnections("sorry")), 503),
        (caused(OperationalError("locked"), psycopg.errors.DeadlockDetected("deadlock")), 503),
        (caused(OperationalError("end"), psycopg.errors.AdminShutdown("terminating")), 503),
        (caused(InterfaceError("closed"), psycopg.InterfaceError("the connection is closed")), 503),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507),
        (GenericError(LOCAL_FULL), 507),
        (GenericError("Generic S3 error: error sending request"), 503),
        (GenericError("Generic LocalFileSystem error: Unable to open file: Permission denied (os error 13)"), None),
        (FileNotFoundError(errno.ENOENT, "nothing there"), None),
        (RuntimeError("a fault of ours"), None),
        (None, None),
    ],
)
def test_each_failure_means_one_thing_to_a_client(error, status):
    found = outages.make_refusal(error)
    assert (found and found.status) == status
    if status == 503:
        assert found.retry_after and "Try again in a moment" in found.message
    if status == 507:
        assert "free some space" in found.message


def test_an_input_error_of_a_full_disk_is_a_full_disk(monkeypatch):
    monkeypatch.setattr(storage, "is_disk_full", lambda: True)
    assert outages.make_refusal(of_sqlite(sqlite3.SQLITE_IOERR_SHMSIZE)).status == 507


@pytest.fixture
def run(transactional_db):
    group = factories.make_group(factories.make_subscription("sub-1"), "aml-resources")
    return factories.make_run(factories.make_workspace(group, "aml-workspace"), run_id="r1", status=Run.Status.RUNNING)


@pytest.fixture
def alice(run):
    alice = factories.make_user("alice")
    factories.give_role(alice, Role.CONTRIBUTOR, run.workspace)
    return alice


@pytest.fixture
def client(alice):
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {factories.make_token(alice)}"})


@pytest.fixture
def browser(alice):
    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    return browser


@pytest.fixture
def locked(run, client, browser, monkeypatch):
    """Another process is in the middle of a transaction, and nobody waits for it for long."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no lock on the whole database")
    monkeypatch.setattr(statement_limit, "SECONDS", 0.1)
    connection.close()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()
    connection.close()


@pytest.fixture
def full(run, client, browser):
    """The database's file cannot grow by a page."""
    if connection.vendor != "sqlite":
        pytest.skip("the file of PostgreSQL is not ours to limit")
    with connection.cursor() as cursor:
        # What was deleted before leaves pages that a description would find.
        cursor.execute("CREATE TABLE filler AS SELECT 1 AS x")
        while free := cursor.execute("PRAGMA freelist_count").fetchone()[0]:
            cursor.execute(f"INSERT INTO filler VALUES (zeroblob({free * 4096}))")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages}")
        yield
        cursor.execute("PRAGMA max_page_count=1073741823")


BATCH = {"run_id": "r1", "metrics": [{"key": f"m{n}", "value": 1, "timestamp": 1, "step": 0} for n in range(900)]}
NOTES = {"description": "x" * 5000, "tags": {str(n): "y" * 1000 for n in range(40)}}


def test_a_locked_database_is_a_503_that_says_when_to_come_again(locked, client, browser, caplog):
    answer = client.patch(f"{H}/runs/r1", {"displayName": "new"}, "application/json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json()["error"]["code"] == "ServiceUnavailable"
    answer = client.post(f"{ML}/mlflow/runs/log-batch", BATCH, "application/json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    page = browser.post("/ws/aml-workspace/runs/r1/edit/", {"field": "display_name", "value": "new"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
    assert "The database is busy" in page.content.decode()
    piece = browser.post(
        "/ws/aml-workspace/runs/r1/edit/", {"field": "display_name", "value": "new"}, headers={"HX-Request": "true"}
    )
    assert piece.status_code == 503 and "The database is busy" in piece.headers["HX-Trigger"]
    # People who only read notice nothing.
    assert client.get(f"{H}/runs/r1").status_code == browser.get("/ws/aml-workspace/runs/r1/").status_code == 200
    assert not any(record.exc_info for record in caplog.records)
    locked.execute("ROLLBACK")
    assert client.patch(f"{H}/runs/r1", {"displayName": "new"}, "application/json").json()["displayName"] == "new"


def test_a_database_that_is_full_is_a_507_and_what_was_there_stays(full, client, browser):
    answer = client.patch(f"{H}/runs/r1", json.dumps(NOTES), "application/json")
    assert answer.status_code == 507 and "free some space" in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == "InsufficientStorage"
    answer = client.post(f"{ML}/mlflow/runs/log-batch", BATCH, "application/json")
    assert (answer.status_code, answer.json()["error_code"]) == (507, "RESOURCE_EXHAUSTED")
    page = browser.post("/ws/aml-workspace/runs/r1/edit/", {"field": "description", "value": "x" * 5000})
    assert page.status_code == 507 and "The disk is full" in page.content.decode()
    assert not MetricSeries.objects.exists() and Run.objects.get().description == ""
    assert client.get(f"{H}/runs/r1").status_code == 200


def test_a_page_whose_session_cannot_be_read_says_so_and_is_one_line_in_the_log(browser, monkeypatch, caplog):
    def away(store):
        raise caused(OperationalError("connection refused"), psycopg.OperationalError("connection refused"))

    monkeypatch.setattr(SessionStore, "_get_session_from_db", away)
    logger = logging.getLogger("django.request")
    assert any(isinstance(one, outages.OneLine) for one in logger.filters)
    page = browser.get("/")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
    assert "The database does not answer" in page.content.decode()
    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Service Unavailable: /: connection refused" and not record.exc_info


def test_a_task_that_meets_an_outage_is_one_line_in_the_log_of_its_worker():
    filters = [one for one in logging.getLogger("celery.app.trace").filters if isinstance(one, outages.OneLine)]
    error = caused(OperationalError("connection is bad:\n\tIs the server running?"), psycopg.OperationalError("bad"))
    context = {"name": "compute.tasks.mark_lost_nodes", "exc": "an error"}
    record = logging.LogRecord(
        "celery.app.trace", 40, "", 0, "Task %(name)s raised: %(exc)s", (context,), (type(error), error, None)
    )
    assert filters and filters[0].filter(record)
    line = "Task compute.tasks.mark_lost_nodes raised: an error: connection is bad: Is the server running?"
    assert record.getMessage() == line and not record.exc_info


@pytest.fixture
def disk(tmp_path, monkeypatch, settings):
    """A storage folder on a disk of which only the reserve is free."""
    store = LocalStore(str(tmp_path), mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)
    settings.DISK_RESERVE_BYTES = 10**18
    return tmp_path


def zipped() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.py", "print(1)")
    return buffer.getvalue()


def test_with_only_the_reserve_left_files_are_refused_and_metrics_logs_and_states_are_not(disk, client):
    snapshot = f"/content/v1.0{P}/snapshots/11111111-1111-1111-1111-111111111111"
    for path, body in (
        (f"{H}/runs/r1/artifacts/content?path=outputs/a.bin", b"x" * 3 * 2**20),
        (snapshot, zipped()),
        (f"{ML}/mlflow-artifacts/artifacts/{Run.objects.get().experiment.experiment_id}/r1/artifacts/a.bin", b"x"),
    ):
        answer = client.generic("PUT", path, body, "application/octet-stream")
        body = answer.json()
        assert answer.status_code == 507, body
        assert "no more files are stored" in (body.get("message") or body["error"]["message"])
    assert not Artifact.objects.exists() and not [path for path in disk.rglob("*") if path.is_file()]
    log = client.generic("POST", f"{H}/runs/r1/artifacts/append?path=logs/a.txt&offset=0", b"line", "text/plain")
    metrics = client.post(f"{H}/runs/r1/metrics", {"metrics": [{"name": "a", "value": 1}]}, "application/json")
    event = client.post(f"{H}/runs/r1/events", {"status": "Completed"}, "application/json")
    assert [answer.status_code for answer in (log, metrics, event)] == [200, 200, 200]


def test_an_upload_that_reaches_the_reserve_is_given_up_and_leaves_nothing(disk, client, settings, monkeypatch):
    free = iter([10**19, 10**19, 0])
    monkeypatch.setattr(storage, "get_free_bytes", lambda: next(free))
    monkeypatch.setattr(storage, "BETWEEN_LOOKS", 2**20)
    path = f"{H}/runs/r1/artifacts/content?path=outputs/a.bin"
    answer = client.generic("PUT", path, b"x" * 6 * 2**20, "application/octet-stream")
    assert answer.status_code == 507
    assert not Artifact.objects.exists() and not [path for path in disk.rglob("*") if path.is_file()]


def test_a_storage_that_is_full_is_a_507(client, monkeypatch):
    def full(*args, **options):
        raise GenericError(LOCAL_FULL)

    monkeypatch.setattr(storage.obstore, "put", full)
    answer = client.generic("PUT", f"{H}/runs/r1/artifacts/content?path=a.txt", b"x", "text/plain")
    assert answer.status_code == 507 and not Artifact.objects.exists()
