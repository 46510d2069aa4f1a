"""A database of another version is refused in words, by the start and by `make doctor`."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from obstore.store import LocalStore

from runs.management.commands.first_start import migrate_database
from studio import database_history, doctor, storage

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorder():
    return MigrationRecorder(connection)


@pytest.fixture
def remedy() -> str:
    return "`make clean`" if connection.vendor == "sqlite" else "Name an empty database in DATABASE_URL"


def test_a_database_of_this_version_is_fine():
    assert database_history.problem_with(connection) == ""


def test_a_database_from_before_the_new_migrations_is_refused(recorder, remedy):
    # What such a database holds: people were of `workspaces`, and there was more than one migration.
    recorder.migration_qs.filter(app="accounts").delete()
    recorder.record_applied("workspaces", "0002_trash")
    with pytest.raises(CommandError, match="was made by an earlier pre-release") as refused:
        migrate_database()
    assert remedy in str(refused.value)
    found = doctor.check_database()
    assert found.state == "fail" and "earlier pre-release" in found.text and not found.remedy


def test_a_database_of_a_later_version_is_refused(recorder):
    recorder.record_applied("runs", "9999_later")
    with pytest.raises(CommandError, match=r"another version of Lazuli Studio \(runs.9999_later\)"):
        migrate_database()


def test_what_other_packages_have_applied_does_not_matter(recorder):
    recorder.record_applied("sessions", "9999_later")
    assert database_history.problem_with(connection) == ""
    call_command("migrate", "--check")


@pytest.fixture
def files(tmp_path, monkeypatch):
    store = LocalStore(str(tmp_path), mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)
    return tmp_path


def test_an_empty_database_beside_files_of_a_studio_is_refused_unless_one_says_so(recorder, files, monkeypatch):
    recorder.migration_qs.all().delete()
    assert database_history.problem_with(connection) == ""
    storage.put_bytes(storage.make_key("w/1/runs/2"), b"of an earlier studio")
    with pytest.raises(CommandError, match="is empty, but there are files of an earlier studio") as refused:
        migrate_database()
    assert "Put the database back" in str(refused.value) and "make up START_OVER=1" in str(refused.value)
    monkeypatch.setenv("START_OVER", "1")
    assert database_history.problem_with(connection) == ""


def test_a_database_that_is_there_has_files_beside_it(files):
    storage.put_bytes(storage.make_key("w/1/runs/2"), b"of this studio")
    assert database_history.problem_with(connection) == ""
