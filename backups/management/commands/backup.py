"""`manage.py backup [FOLDER]`: back up the running studio; `--check` verifies a backup by restoring it into a scratch
folder."""

import pathlib

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backups import checking, folders, making
from backups.models import Backup, BackupFailed
from studio.errors import Conflict


class Command(BaseCommand):
    help = "Back up database, files and keys of this studio, while it runs, into a new folder below FOLDER."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("folder", nargs="?", help="default: BACKUP_DIR")
        parser.add_argument(
            "--check",
            action="store_true",
            help="make no backup; check the one in FOLDER, or the newest in it, by restoring it",
        )

    def handle(self, *args, folder, check, **options):
        parent = pathlib.Path(folder or settings.BACKUP_DIR).expanduser().resolve()
        try:
            self._check(parent) if check else self._make(parent)
        except (BackupFailed, Conflict) as error:
            raise CommandError(str(error)) from error

    def _make(self, parent: pathlib.Path) -> None:
        backup = Backup.begin(parent)
        making.make_backup(backup, settings.BACKUP_PASSPHRASE)
        self.stdout.write(backup.log.rstrip())
        if backup.state != Backup.State.COMPLETED:
            raise CommandError("There is no new backup.")
        self.stdout.write(f"Check it: manage.py backup --check {backup.folder}")

    def _check(self, parent: pathlib.Path) -> None:
        folder = folders.find_backup(parent)
        problems = checking.check_backup(folder, settings.BACKUP_PASSPHRASE)
        row = Backup.objects.filter(parent=str(folder.parent), name=folder.name).first()
        if row:
            row.note_check(problems)
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"{folder} cannot be trusted.")
        manifest = folders.read_manifest(folder)
        self.stdout.write(
            f"{folder}: {sum(manifest.tables.values()):,} rows and {manifest.files:,} files, all unchanged."
        )
