"""`manage.py first_start`: prepare database and first objects before the web server answers. It creates only what is
missing."""

import getpass
import io
import json
import os
import pathlib
import re
import uuid
import zipfile
from typing import Any

import yaml
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from accounts.actors import Actor
from accounts.management.commands.signin import find_owner, link_for
from accounts.models import User
from compute import sizes
from compute.keys import gateway_key, host_key
from compute.models import ComputeTarget, Host, Scale
from runs import submission
from runs.files import snapshots
from studio import database_history, env, redis_server, storage, visible_names
from workspaces import creation
from workspaces.models import Workspace

GROUP, WORKSPACE, LOCATION = "aml-resources", "aml-workspace", "eastus"
CLUSTER, MAX_NODES = "cpu-cluster", 2
SAMPLE_FOLDER = settings.BASE_DIR / "sample"


class Command(BaseCommand):
    help = "Migrate the database; at the first start create the Owner, a workspace, a cluster and a sample run."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--report", type=int, help="file descriptor for the report to the supervisor, as JSON")

    def handle(self, *args, report, **options):
        check_redis()
        migrate_database()
        report_text = json.dumps(first_start())
        if report is not None:
            with os.fdopen(report, "w") as pipe:
                pipe.write(report_text)


def check_redis() -> None:
    """Checks the Redis of REDIS_URL; the private one needs no check."""
    is_private = settings.REDIS_URL.startswith("unix://") and f"@{settings.DATA_DIR}/" in settings.REDIS_URL
    if is_private or "REDIS_URL" not in os.environ:
        return
    problem = redis_server.problem_with(settings.REDIS_URL)
    if problem:
        raise CommandError(problem)
    warning = redis_server.warning_about(settings.REDIS_URL)
    if warning:
        print(warning)


def migrate_database() -> None:
    try:
        if problem := database_history.problem_with(connection):
            raise CommandError(problem)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            copies = database_history.BEFORE_MIGRATION if executor.loader.applied_migrations else []
            for line in filter(None, (copy() for copy in copies)):
                print(line, flush=True)
            print("Migrating the database …")
            call_command("migrate", verbosity=0, interactive=False)
    except storage.Error as error:
        raise CommandError(f"The storage of files does not answer: {error} Check STORAGE_URL.") from error
    except OperationalError as error:
        raise CommandError(f"The database does not answer: {error} Check DATABASE_URL.") from error


def first_start() -> dict:
    person = find_owner() or make_owner()
    actor = Actor(person)
    if not Workspace.objects.exists():
        workspace = make_workspace(actor)
        if env.read_bool("SAMPLE", True) and has_space_for_sample():
            submit_sample(actor, workspace)
    found = first_workspace()
    write_config(found)
    host, _ = Host.objects.get_or_create(name=settings.HOST_NAME)
    return {
        "owner": person.username,
        # Every start prints a link until one has been used.
        "signin_link": "" if person.last_login else link_for(person, first_page(found)),
        "host_name": host.name,
        "host_key": host_key(host),
        "public_url": settings.PUBLIC_URL,
        "apps_url": settings.APPS_URL,
        "gateway_key": gateway_key(),
    }


def has_space_for_sample() -> bool:
    if storage.is_reserve_reached():
        print("The sample run was not created: the disk is nearly full, so no files are stored (DISK_RESERVE_MB).")
        return False
    return True


def make_owner() -> User:
    """A site admin without a password, who signs in with a link that works once."""
    name = env.read_text("OWNER") or re.sub(r"[^\w.@+-]", "", getpass.getuser()) or "owner"
    if not re.fullmatch(r"[\w.@+-]{1,150}", name) or visible_names.problem_with(name):
        raise ImproperlyConfigured(f"OWNER={name!r}: write up to 150 letters, digits and @ . + - _")
    return User.objects.create_superuser(name, password=None)


def make_workspace(actor: Actor) -> Workspace:
    details = {"location": LOCATION, "description": "Created at the first start."}
    workspace = creation.create_workspace(actor, str(uuid.uuid4()), GROUP, WORKSPACE, details, create_group=True)
    ComputeTarget.create(workspace, actor.user, CLUSTER, sizes.suggest_size(), Scale(0, MAX_NODES))
    return workspace


def first_workspace() -> Workspace | None:
    return Workspace.objects.with_path().order_by("pk").first()


def first_page(workspace: Workspace | None) -> str:
    """The page that the first sign-in opens: the metrics of the sample run."""
    if workspace is None:
        return ""
    run = workspace.runs.filter(tag_rows__name="sample").order_by("-pk").first()
    return reverse("runs:run_metrics", args=[workspace.slug, run.run_id]) if run else ""


def write_config(workspace: Workspace | None) -> None:
    """`config.json` for Workspace.from_config(): Azure's three keys and the server's URL."""
    if workspace is None:
        return
    path = pathlib.Path(settings.DATA_DIR) / "config.json"
    path.write_text(json.dumps({**workspace.config, "url": settings.PUBLIC_URL}, indent=4) + "\n")


def submit_sample(actor: Actor, workspace: Workspace) -> None:
    snapshot = snapshots.store_snapshot(workspace, actor.user, str(uuid.uuid4()), "", [zip_folder(SAMPLE_FOLDER)])
    conda = yaml.safe_load((SAMPLE_FOLDER / "environment.yml").read_text())
    properties: dict[str, Any] = {
        "jobType": "Command",
        "experimentName": "handwritten-digits",
        "displayName": "first-run",
        "description": "A small neural network learns to read handwritten digits. `make up` submitted it.",
        "codeId": str(snapshot.snapshot_id),
        "commandArgv": ["python", "train.py", "--epochs", "40"],
        "environmentDefinition": {
            "name": "handwritten-digits",
            "python": {"userManagedDependencies": False, "condaDependencies": conda},
        },
        "computeId": CLUSTER,
        "tags": {"sample": "yes"},
    }
    submission.submit_job(
        actor, workspace, submission.make_run_name(properties["experimentName"]), {"properties": properties}
    )


def zip_folder(folder: pathlib.Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()
