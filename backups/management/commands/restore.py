"""`manage.py restore FOLDER`: restore a backup into an empty data folder."""

import pathlib

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backups import folders, restoring
from backups.models import BackupFailed
from studio import storage


class Command(BaseCommand):
    help = "Restore the backup in FOLDER, or its newest, into the empty studio that DATA_DIR and DATABASE_URL name."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("folder")
        parser.add_argument(
            "--dry-run", action="store_true", help="check whether it can be restored, and change nothing"
        )
        parser.add_argument("--overwrite", action="store_true", help="restore although there are files already")

    def handle(self, *args, folder, dry_run, overwrite, **options):
        try:
            found = folders.find_backup(pathlib.Path(folder).expanduser().resolve())
            restoring.restore_backup(
                found, settings.BACKUP_PASSPHRASE, self.stdout.write, overwrite=overwrite, dry_run=dry_run
            )
        except (BackupFailed, OSError, storage.Error) as error:
            raise CommandError(str(error)) from error
