"""`manage.py upgrade`: back up, check the backup and bring the database up to date; `--plan` only says what it would do."""

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from backups import restoring
from backups.models import BackupFailed
from operations import upgrades


class Command(BaseCommand):
    help = "Bring the database of a stopped studio up to date, after a verified backup; --plan changes nothing."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--plan", action="store_true", help="say what would be done, and change nothing")

    def handle(self, *args, plan, **options):
        try:
            steps = self._show_plan()
        except DatabaseError as error:
            raise CommandError(f"The database does not answer: {error}") from error
        if not plan and steps:
            self._upgrade()

    def _show_plan(self) -> list:
        steps = upgrades.list_steps()
        self.stdout.write("\n".join(upgrades.list_notes()))
        for step in steps:
            self.stdout.write(f"- {step}")
        if refusal := upgrades.find_refusal(steps):
            raise CommandError(refusal)
        if not steps:
            self.stdout.write("The database is up to date.")
        return steps

    def _upgrade(self) -> None:
        try:
            with restoring.lock_data_folder():
                call_command("backup", stdout=self.stdout)
                call_command("backup", check=True, stdout=self.stdout)
                call_command("migrate", interactive=False, verbosity=0)
        except BackupFailed as error:
            raise CommandError(f"The studio is running. Stop it first. ({error})") from error
        self.stdout.write("The database is up to date. Start the studio: make up")
