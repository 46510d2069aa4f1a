"""The doctor names what is wrong, and what to do."""

import io
import time

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone

from backups.models import Backup
from compute.machine_checks import update_sdk
from compute.models import Host
from operations import job_records
from operations.models import JobRecord
from studio import doctor, findings, machine_checks, network_checks, networks, probes, redis_server, storage, wsgi
from tests import factories


@pytest.fixture
def healthy(db, settings, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    settings.DATA_DIR, settings.STORAGE_URL = folder, f"file://{folder}/storage"
    settings.PUBLIC_URL, settings.PUBLIC_HOST = "http://127.0.0.1:8000", "127.0.0.1"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(redis_server, "problem_with", lambda url: "")
    monkeypatch.setattr(redis_server, "warning_about", lambda url: "")
    monkeypatch.setattr(doctor, "LOW_FREE_MB", 0)
    monkeypatch.setattr(doctor, "MIN_FREE_MB", 0)
    storage.open_store.cache_clear()
    monkeypatch.setattr(network_checks, "ask_studio", arrive())
    monkeypatch.setattr(machine_checks, "LOW_INODES", 0)
    monkeypatch.setattr(machine_checks, "LOW_MEMORY_MB", 0)
    job_records.record_job("compute.tasks.scale", 0.1, 30)
    factories.make_host(heartbeat_at=timezone.now())
    Backup.objects.create(parent="/x", state="Completed", checked_at=timezone.now())
    yield folder
    storage.open_store.cache_clear()


def arrive(status=200, **arrived):
    """Answers of the studio to its doctor, through a proxy."""
    described = probes.describe_arrival({"REMOTE_ADDR": "10.0.0.2", **arrived})
    return lambda url, method="GET", body=b"": httpx.Response(status, content=described)


def said() -> dict[str, str]:
    """The lines by what they are about; the command must not fail."""
    out = io.StringIO()
    call_command("doctor", stdout=out)
    return out.getvalue().splitlines()


def fails(what: str) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"Problems: {what}"):
        call_command("doctor", stdout=out)
    return next(line for line in out.getvalue().splitlines() if line.startswith("fail"))


def test_a_healthy_studio_has_one_line_per_check(healthy):
    lines = said()
    assert len(lines) == len(doctor.CHECKS) + len(findings.APP_CHECKS) + len(network_checks.CHECKS) >= 25
    assert {line[:4] for line in lines} == {"ok  "}, lines


def test_an_open_data_folder(healthy):
    (healthy / "studio.sqlite3").touch()
    (healthy / "studio.sqlite3").chmod(0o644)
    assert "chmod -R go=" in fails("data folder")


def test_a_full_disk(healthy, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_FREE_MB", 10**9)
    assert "larger disk" in fails("disk space")


def test_a_disk_on_which_only_the_reserve_is_left(healthy, settings):
    settings.DISK_RESERVE_BYTES = 10**18
    assert "files are refused until" in fails("storage")


def test_a_database_that_is_away(healthy, monkeypatch):
    def away(connection):
        raise DatabaseError("connection refused")

    monkeypatch.setattr(doctor, "MigrationExecutor", away)
    assert "connection refused" in fails("database") and "DATABASE_URL" in fails("database")


def test_a_database_that_is_behind(healthy, monkeypatch):
    monkeypatch.setattr(doctor.MigrationExecutor, "migration_plan", lambda executor, targets: [1, 2])
    assert "2 migrations" in fails("database") and "make up" in fails("database")


def test_a_redis_that_is_away(healthy, monkeypatch):
    monkeypatch.setattr(redis_server, "problem_with", lambda url: "Redis at x does not answer.")
    assert "does not answer" in fails("Redis")


def test_a_storage_that_cannot_be_written(healthy, settings):
    settings.STORAGE_URL = "file:///dev/null/storage"
    storage.open_store.cache_clear()
    assert "STORAGE_URL" in fails("storage")


def test_a_short_key(healthy, settings):
    settings.SECRET_KEY = "secret"
    assert "could be guessed" in fails("secret key")


def test_debugging(healthy, settings):
    settings.DEBUG = True
    assert "DEBUG" in fails("debugging")


def unwise(what: str) -> str:
    [line] = [line for line in said() if line.startswith("warn")]
    assert what in line, line
    return line


@pytest.mark.parametrize(
    ("changed", "what", "words"),
    [
        ({"ALLOWED_HOSTS": ["*"]}, "host names", "ALLOWED_HOSTS"),
        ({"PUBLIC_HOST": "studio.example", "HTTPS": False, "TRUSTED_PROXIES": [1]}, "encryption", "unencrypted"),
        ({"HOST": "0.0.0.0"}, "addresses", "PUBLIC_URL"),
    ],
)
def test_what_is_only_unwise_is_a_warning(healthy, settings, changed, what, words):
    for name, value in changed.items():
        setattr(settings, name, value)
    assert words in unwise(what)


def test_a_proxy_that_keeps_something_back(healthy, settings, monkeypatch):
    settings.PUBLIC_URL, settings.LOCAL_URL = "http://localhost:80", "http://127.0.0.1:8000"
    settings.TRUSTED_PROXIES = networks.parse_networks("x", ["10.0.0.2"])
    good = {"HTTP_X_FORWARDED_FOR": "203.0.113.5", "HTTP_UPGRADE": "websocket"}
    cases = [
        (good, "ok", ""),
        (good | {"HTTP_X_FORWARDED_FOR": ""}, "warn", "X-Forwarded-For"),
        (good | {"REMOTE_ADDR": "10.0.0.3"}, "warn", "TRUSTED_PROXIES=10.0.0.3"),
        (good | {"HTTP_UPGRADE": ""}, "warn", "Upgrade"),
    ]
    for arrived, state, words in cases:
        monkeypatch.setattr(network_checks, "ask_studio", arrive(**arrived))
        found = network_checks.check_proxy()
        assert found.state == state and words in f"{found.text} {found.remedy}", (arrived, found)
    monkeypatch.setattr(network_checks, "ask_studio", arrive(413))
    assert "client_max_body_size" in fails("proxy")


def test_a_public_address_that_leads_elsewhere(healthy, monkeypatch):
    monkeypatch.setattr(network_checks, "ask_studio", lambda *words: httpx.Response(200, text="welcome to nginx"))
    assert "not as this studio" in fails("public address")

    def away(url, *words):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(network_checks, "ask_studio", away)
    assert "make up" in unwise("public address")


def test_only_the_doctor_sees_what_arrives(healthy):
    def ask(header: str) -> bytes:
        sent = {"PATH_INFO": "/healthz", "REMOTE_ADDR": "10.0.0.2", "HTTP_X_STUDIO_DOCTOR": header}
        return b"".join(wsgi.application(sent, lambda *words: None))

    assert probes.read_arrival(ask(probes.sign_question()))["address"] == "10.0.0.2"
    assert ask("doctor:1:2") == b"ok\n"


def test_a_certificate_that_ends_soon():
    assert network_checks.judge_days("certificate", 3).state == "warn"
    assert network_checks.judge_days("certificate", 60).state == "ok"


def test_names_and_mail_that_do_not_answer(healthy, settings):
    settings.APPS_URL = "https://*.apps.invalid"
    assert "DNS" in fails("applications")
    settings.APPS_URL, settings.EMAIL_HOST, settings.EMAIL_PORT = "", "127.0.0.1", 9
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "SMTP_URL" in fails("mail")


def test_a_clock_that_is_wrong(healthy, monkeypatch):
    monkeypatch.setattr(machine_checks, "_read_redis_clock", lambda: time.time() - 100)
    assert "100 s ahead of Redis" in unwise("clock")


def test_machines_and_background_tasks(healthy):
    host = Host.objects.get()
    Host.objects.update(system="Linux, lazuli-sdk 0.0.1")
    assert "another version" in unwise("machines")
    Host.objects.update(system="", heartbeat_at=None)
    assert host.name and "No machine is connected" in fails("machines")
    Host.objects.update(heartbeat_at=timezone.now())
    JobRecord.objects.update(error="OSError: no")
    assert "OSError: no" in unwise("background tasks")


def test_the_version_of_a_machine_is_that_of_its_last_report():
    assert update_sdk("Debian, Python 3.11, lazuli-sdk 0.9", "lazuli-sdk/1.2") == "Debian, Python 3.11, lazuli-sdk 1.2"
    assert update_sdk("", "lazuli-sdk/1.2") == "lazuli-sdk 1.2" and update_sdk("Debian", "curl") == "Debian"


def test_without_its_database_the_doctor_still_answers(healthy, monkeypatch):
    def away():
        raise DatabaseError("refused")

    monkeypatch.setattr(doctor, "CHECKS", [away])
    assert "is not checked" in unwise("away")


def test_an_app_adds_a_check(healthy, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", [lambda: findings.Finding("post", "fail", "It is off.", "Turn it on.")])
    assert fails("post").startswith("fail  post ")
