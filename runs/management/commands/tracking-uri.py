"""`manage.py tracking-uri`: print the tracking URI of a workspace for MLflow's clients, with a token."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.actors import Actor
from accounts.management.commands.signin import find_owner, unknown_user
from accounts.models import Token, User
from studio.errors import StudioError
from workspaces import creation
from workspaces.management.workspace_option import find_workspace
from workspaces.models import ResourceGroup, Workspace


class Command(BaseCommand):
    help = (
        "Print MLFLOW_TRACKING_URI and a new MLFLOW_TRACKING_TOKEN for a workspace, to be read by a shell: eval $(…)."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--workspace", help="its name or slug; the oldest workspace if not given")
        parser.add_argument("--new-workspace", action="store_true", help="make a new, empty workspace first")
        parser.add_argument("--export", action="store_true", help="print address and token as two lines for `eval`")
        parser.add_argument("--user", help="whose token; the Owner's if not given")

    def handle(self, *args, workspace, new_workspace, export, user, **options):
        person = User.objects.filter(username=user, is_active=True).first() if user else find_owner()
        if person is None:
            raise CommandError(unknown_user(user))
        found = make(Actor(person)) if new_workspace else find_workspace(workspace)
        _, secret = Token.create_for(person, f"tracking {found.name}")
        server = urlsplit(settings.PUBLIC_URL)
        path = f"/mlflow/v1.0{found.arm_id}"
        if export:
            self.stdout.write(f"export MLFLOW_TRACKING_URI={settings.PUBLIC_URL}{path}")
            self.stdout.write(f"export MLFLOW_TRACKING_TOKEN={secret}")
        else:
            self.stdout.write(f"{server.scheme}://token:{secret}@{server.netloc}{server.path}{path}")


def make(actor: Actor) -> Workspace:
    group = ResourceGroup.objects.select_related("subscription").order_by("pk").first()
    names = (group.subscription.subscription_id, group.name) if group else ("tracking", "tracking")
    name = f"tracking-{secrets.token_hex(4)}"
    try:
        return creation.create_workspace(actor, *names, name, create_group=True)
    except StudioError as error:
        raise CommandError(error.message) from error
