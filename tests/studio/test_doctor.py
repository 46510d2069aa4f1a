"""The doctor names what is wrong, and what to do."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone

from backups.models import Backup
from studio import doctor, redis_server, storage


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
    Backup.objects.create(parent="/x", state="Completed", checked_at=timezone.now())
    yield folder
    storage.open_store.cache_clear()


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
    assert len(lines) == len(doctor.CHECKS)
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


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS"),
        ({"PUBLIC_HOST": "studio.example", "HTTPS": False}, "unencrypted"),
        ({"PUBLIC_HOST": "studio.example", "HTTPS": True, "TRUSTED_PROXIES": []}, "TRUSTED_PROXIES"),
        ({"HOST": "0.0.0.0"}, "PUBLIC_URL"),
    ],
)
def test_what_is_only_unwise_is_a_warning(healthy, settings, changed, words):
    for name, value in changed.items():
        setattr(settings, name, value)
    [line] = [line for line in said() if line.startswith("warn")]
    assert "addresses" in line and words in line


def test_an_app_adds_a_check(healthy, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", [lambda: doctor.Finding("mail", "fail", "It is off.", "Turn it on.")])
    assert fails("mail") == "fail  mail  It is off. Turn it on."
