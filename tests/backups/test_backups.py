"""Backups while the studio writes, checks that report damage, and restoring into an empty studio only."""

import contextlib
import datetime as dt
import fcntl
import pathlib
import shutil
import sqlite3
import threading

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.activity import Activity
from accounts.actors import Actor
from backups import before_migration, checking, database_copies, folders, keys, making, restoring, tasks
from backups.models import Backup, BackupFailed, check_last_backup
from compute import notifications
from runs.files import artifacts
from runs.management.commands import first_start
from runs.models import RunTag
from studio import storage
from studio.errors import Conflict
from tests import factories
from tests.html import html_of
from trash import purge
from workspaces.vault.models import Secret

pytestmark = pytest.mark.django_db(transaction=True)
PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def backup_folder(settings, tmp_path, monkeypatch):
    """The files of the studio in folders, and a folder for backups."""
    from obstore.store import LocalStore

    store = LocalStore(tmp_path / "storage", mkdir=True)
    monkeypatch.setattr(storage, "open_store", lambda: store)
    settings.SHARES_DIR, settings.BACKUP_DIR = tmp_path / "shares", tmp_path / "backups"
    settings.DISK_RESERVE_BYTES, settings.BACKUP_PASSPHRASE = 0, PASSPHRASE
    # It waits for whatever else this machine writes.
    monkeypatch.setattr(making.os, "sync", lambda: None)
    # The only name of a further database to which Django's tests let one connect.
    monkeypatch.setattr(database_copies, "ALIAS", NO_DB_ALIAS)
    (settings.SHARES_DIR / "1").mkdir(parents=True)
    (settings.SHARES_DIR / "1" / "notes.ipynb").write_text("{}")
    (settings.SHARES_DIR / "1" / "link").symlink_to("notes.ipynb")
    return tmp_path


@pytest.fixture
def run(workspace):
    run = factories.make_run(workspace)
    for name in ("outputs/a.txt", "outputs/b.txt"):
        artifacts.store_artifact(run, name, [name.encode() * 100])
    return run


def back_up(folder=None) -> pathlib.Path:
    call_command("backup", *([str(folder)] if folder else []))
    backup = Backup.objects.first()
    assert backup.state == Backup.State.COMPLETED, backup.log
    return backup.folder


def change_file(folder: pathlib.Path, content: bytes) -> pathlib.Path:
    """Damages the first file of the storage in a backup, of the same length; the studio's own stays as it is."""
    path = next(path for path in sorted(folder.glob("files/storage/**/*")) if path.is_file())
    path.unlink()
    path.write_bytes(content)
    return path


def test_a_backup_is_checked_by_restoring_it(run, capsys):
    folder = back_up()
    call_command("backup", "--check")
    said = capsys.readouterr().out
    assert "Database copied" in said and "Left out: 1 links" in said and "all unchanged" in said
    backup = Backup.objects.get()
    assert (backup.files, backup.has_keys, backup.check_error) == (3, True, "") and backup.checked_at
    assert folders.read_manifest(folder).tables["runs_run"] == 1
    assert Activity.objects.filter(verb="backup.start").count() == 1
    assert not list(folder.parent.glob("check-*")) and check_last_backup().state == "ok"


def test_what_was_stored_before_a_backup_under_writes_is_in_it(run):
    """Writers go on meanwhile; each says what was acknowledged."""
    acknowledged, stop = [], threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            RunTag.objects.create(run=run, name=f"t{number}", value="x")
            artifacts.store_artifact(run, f"outputs/{number}", [b"x" * 2000])
            acknowledged.append(number)
            number += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(acknowledged) < 10:
            stop.wait(0.01)
        before = len(acknowledged)
        folder = back_up()
        after = len(acknowledged)
    finally:
        stop.set()
        writer.join()
    assert after > before
    assert checking.check_backup(folder, PASSPHRASE) == []
    assert folders.read_manifest(folder).tables["runs_runtag"] >= before


@pytest.mark.parametrize("part", ["files.sqlite3", "keys.encrypted", "database"])
def test_a_damaged_part_is_found_and_named(run, part):
    folder = back_up()
    path = folder / (folders.read_manifest(folder).database_file if part == "database" else part)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CommandError, match="cannot be trusted"):
        call_command("backup", "--check", str(folder))
    assert f"{path} is damaged" in Backup.objects.get().check_error
    path.unlink()
    assert checking.check_backup(folder, PASSPHRASE) == [f"{path} is missing."]


def test_damaged_and_missing_files_are_named(run):
    folder = back_up()
    path = change_file(folder, b"x" * 1300)
    assert checking.check_backup(folder, PASSPHRASE) == [
        f"{path} is damaged: its bytes are not those that were written."
    ]
    path.write_bytes(b"short")
    assert "it has 5 bytes, not 1,300" in checking.check_backup(folder, PASSPHRASE)[0]
    path.unlink()
    assert checking.check_backup(folder, PASSPHRASE) == [f"{path} is missing."]
    (folder / "manifest.json").write_text("{")
    assert "manifest.json is damaged" in checking.check_backup(folder, PASSPHRASE)[0]


def test_a_file_that_the_backup_lacks_is_reported(run):
    key = run.artifacts.first().segments.get().key
    storage.delete_keys([key])
    (problem,) = checking.check_backup(back_up(), PASSPHRASE)
    assert key in problem and "not in the backup" in problem


def test_every_column_with_a_key_of_a_file_is_looked_at():
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.CharField) and field.name.endswith("key") and field.max_length == 200
    }
    assert columns == set(checking.NAMED)


def test_while_a_backup_runs_nothing_deletes_files(run, workspace):
    backup, key = Backup.begin(pathlib.Path("/x")), run.artifacts.first().segments.get().key
    run.artifacts.first().delete()
    storage.delete_keys([key])
    assert storage.get_range(key, 0, 1)
    purge.queue_purge(None, workspace, "trash")
    assert not purge.run_turn()
    with pytest.raises(Conflict, match="already running"):
        Backup.begin(pathlib.Path("/x"))
    backup.fail("stopped")
    storage.delete_keys([key])
    with pytest.raises(FileNotFoundError):
        storage.get_range(key, 0, 1)
    assert not purge.run_turn() and workspace.purges.get().state == "Completed"


def test_a_backup_that_stood_still_fails(run):
    backup = Backup.begin(pathlib.Path("/x"))
    Backup.objects.update(held_until=timezone.now() - dt.timedelta(seconds=1))
    backup.refresh_from_db()
    with pytest.raises(BackupFailed, match="made no progress"):
        backup.hold_on()
    assert not storage.is_deletion_held()
    Backup.begin(pathlib.Path("/x"))
    assert "interrupted" in Backup.objects.get(pk=backup.pk).error


def test_files_that_did_not_change_take_no_space_twice(run):
    first, second = back_up(), back_up()
    assert first != second
    (one, *_), (other, *_) = (
        sorted(path for path in folder.glob("files/**/*") if path.is_file()) for folder in (first, second)
    )
    assert one.stat().st_ino == other.stat().st_ino
    shutil.rmtree(first)
    assert checking.check_backup(second, PASSPHRASE) == []


def test_a_backup_into_the_shares_or_the_storage_is_refused(settings, backup_folder):
    for folder in (settings.SHARES_DIR / "x", backup_folder / "storage" / "x"):
        with pytest.raises(CommandError, match="no new backup"):
            call_command("backup", str(folder))
        assert "is backed up" in Backup.objects.first().error


def test_the_schedule_makes_and_checks_and_keeps_a_few(settings, run):
    tasks.make_due_backups()
    assert not Backup.objects.exists()
    settings.BACKUP_HOURS, settings.BACKUP_KEEP = 24, 1
    for _ in range(3):
        tasks.make_due_backups()
        tasks.make_due_backups()
        Backup.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    made = list(Backup.objects.all())
    assert len(made) == 3 and all(backup.checked_at and not backup.check_error for backup in made), made[0].log
    # The newest was made before it was checked, so the one checked before it is kept too.
    assert [bool(backup.removed_at) for backup in made] == [False, False, True]
    assert folders.list_backups(settings.BACKUP_DIR) == [made[0].folder, made[1].folder]


@contextlib.contextmanager
def other_studio(settings, monkeypatch, folder: pathlib.Path):
    """This process with another data folder and an empty database."""
    from obstore.store import LocalStore

    folder.mkdir()
    settings.DATA_DIR, settings.SHARES_DIR = folder, folder / "shares"
    store = LocalStore(folder / "storage", mkdir=True)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "open_store", lambda: store)
        patch.setitem(connection.settings_dict, "NAME", str(folder / "studio.sqlite3"))
        yield


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the check restores into PostgreSQL; this one changes a file")
def test_a_restored_studio_has_everything(run, settings, monkeypatch, backup_folder, workspace, owner):
    Secret.set(Actor(owner), workspace, "hush", "a value", for_runs=False)
    folder, vault_keys = back_up(), keys.list_vault_keys()
    with other_studio(settings, monkeypatch, backup_folder / "new"):
        call_command("restore", str(folder.parent), dry_run=True)
        assert database_copies.is_empty()
        call_command("restore", str(folder.parent))
        assert keys.list_vault_keys() == vault_keys
        assert (backup_folder / "new/secret.key").read_text() == settings.SECRET_KEY
        assert (backup_folder / "new/shares/1/notes.ipynb").read_text() == "{}"
        segment = run.artifacts.get(path="outputs/a.txt").segments.get()
        assert storage.get_range(segment.key, 0, segment.size) == b"outputs/a.txt" * 100
        with contextlib.closing(sqlite3.connect(backup_folder / "new/studio.sqlite3")) as restored:
            assert restored.execute("SELECT run_id FROM runs_run").fetchall() == [(run.run_id,)]
        with pytest.raises(CommandError, match="not empty"):
            call_command("restore", str(folder))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="as above")
def test_an_impossible_restore_is_refused_with_a_message(run, settings, monkeypatch, backup_folder):
    keys.encryption.load_keys()
    folder = back_up()

    def refusal(**options) -> str:
        with pytest.raises(CommandError) as refused:
            call_command("restore", str(folder), **options)
        return str(refused.value)

    with other_studio(settings, monkeypatch, backup_folder / "new"):
        settings.BACKUP_PASSPHRASE = ""
        assert "set BACKUP_PASSPHRASE" in refusal()
        settings.BACKUP_PASSPHRASE = "wrong"
        assert "does not open" in refusal()
        settings.BACKUP_PASSPHRASE = PASSPHRASE
        with monkeypatch.context() as patch:
            patch.setattr(restoring.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))
            assert "It needs" in refusal()
    with other_studio(settings, monkeypatch, backup_folder / "newer"):
        storage.put_bytes("w/1/x", b"x")
        assert "--overwrite" in refusal()
        with open(backup_folder / "newer/up.lock", "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert "A studio is running" in refusal()
        path = change_file(folder, b"x" * 1300)
        assert f"{path} is damaged" in refusal(overwrite=True)
        assert database_copies.is_empty()


def test_without_a_passphrase_the_keys_are_excluded_with_a_message(run, settings, capsys):
    settings.BACKUP_PASSPHRASE = ""
    keys.encryption.load_keys()
    folder = back_up()
    assert "without them no secret of a key vault can be read again" in capsys.readouterr().out
    manifest = folders.read_manifest(folder)
    assert not manifest.has_keys and restoring.open_keys(folder, manifest, "") == {}
    keys.encryption.write_keys([keys.Fernet.generate_key().decode()])
    with pytest.raises(BackupFailed, match="Put vault"):
        restoring.open_keys(folder, manifest, "")


def test_the_page_starts_a_backup_and_shows_its_result(run, as_user, owner, alice, monkeypatch):
    sent = []
    monkeypatch.setattr(notifications, "_send", lambda task, queue: sent.append(task))
    admin = as_user(owner)
    assert "None yet" in html_of(admin.get("/admin/backups/"))
    for _ in range(2):
        answer = admin.post("/admin/backups/start/")
    assert answer.status_code == 409 and sent == ["backups.tasks.make_due_backups"]
    assert as_user(alice).post("/admin/backups/start/").status_code == 403
    tasks.make_due_backups()
    backup, page = Backup.objects.get(), html_of(admin.get("/admin/backups/"))
    assert str(backup.folder) in page and "restored into a scratch folder" in page and "Verified" in page
    assert "every 2s" not in page
    Backup.objects.update(checked_at=None)
    assert "every 2s" in html_of(admin.get("/admin/backups/"))
    Backup.objects.update(checked_at=timezone.now())
    Backup.objects.update(started_at=timezone.now() - dt.timedelta(days=40))
    assert "status-bad" in html_of(admin.get("/admin/backups/"))
    assert "is 40 days old" in html_of(admin.get("/admin/"))
    Backup.objects.update(check_error="x.bin is damaged")
    assert "The last backup is damaged: x.bin" in html_of(admin.get("/admin/"))


def test_the_start_copies_the_database_before_it_migrates_it(run, settings, monkeypatch, capsys):
    assert MigrationExecutor(connection).loader.applied_migrations
    monkeypatch.setattr(first_start.MigrationExecutor, "migration_plan", lambda *_: [("one", False)])
    monkeypatch.setattr(first_start, "call_command", lambda *_, **__: None)
    first_start.migrate_database()
    [copy] = (settings.BACKUP_DIR / before_migration.FOLDER).iterdir()
    said = capsys.readouterr().out
    assert f"Copied the database to {copy}" in said and said.index("Copied") < said.index("Migrating")
    if connection.vendor == "sqlite":
        with contextlib.closing(sqlite3.connect(copy)) as database:
            assert database.execute("SELECT run_id FROM runs_run").fetchall() == [(run.run_id,)]
    for second in range(5):
        (copy.parent / f"2020-01-01T00-00-0{second}Z{copy.suffix}").touch()
    settings.DISK_RESERVE_BYTES = 1 << 60
    if connection.vendor == "sqlite":
        with pytest.raises(CommandError, match="COPY_BEFORE_MIGRATION=0"):
            first_start.migrate_database()
        assert copy.exists() and "Migrating" not in capsys.readouterr().out
    settings.DISK_RESERVE_BYTES, settings.COPY_BEFORE_MIGRATION = 0, False
    first_start.migrate_database()
    assert "Copied" not in capsys.readouterr().out
    settings.COPY_BEFORE_MIGRATION = True
    first_start.migrate_database()
    assert len(list(copy.parent.iterdir())) == before_migration.KEPT
