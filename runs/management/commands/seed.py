"""`manage.py seed`: create example runs."""

import dataclasses
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.actors import Actor
from accounts.management.commands.signin import find_owner
from runs.management.commands.first_start import make_owner, make_workspace, migrate_database, write_config
from runs.seeding.experiments import Sizes, seed_workspace
from studio.errors import StudioError
from studio.public_url import public_url
from workspaces.management.workspace_option import find_workspace
from workspaces.models import Workspace


class Command(BaseCommand):
    help = "Fill a workspace with three experiments of 1,200 runs, a sweep, failures, images and very long metrics."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--workspace", help="its name or slug; the oldest workspace if not given")
        parser.add_argument("--again", action="store_true", help="also if the workspace has been seeded before")
        for field in dataclasses.fields(Sizes):
            parser.add_argument(
                f"--{field.name}", type=int, default=field.default, help=f"{field.default} if not given"
            )

    def handle(self, *args, workspace, again, **options):
        began = time.monotonic()
        sizes = Sizes(**{field.name: options[field.name] for field in dataclasses.fields(Sizes)})
        migrate_database()
        actor = Actor(find_owner() or make_owner())
        if not Workspace.objects.exists():
            # A new data folder: without the sample run, which needs a cluster.
            write_config(make_workspace(actor))
        found = find_workspace(workspace)
        try:
            experiments = seed_workspace(actor, found, sizes, again=again)
        except StudioError as error:
            raise CommandError(error.message) from error
        for experiment in experiments:
            self.stdout.write(f"{experiment.runs.count():>6,} runs in {experiment.name}")
        where = public_url(reverse("runs:experiments", args=[found.slug]))
        self.stdout.write(f"Made in {time.monotonic() - began:.1f} s, in {settings.DATA_DIR}: {where}")
