"""`manage.py host [NAME]`: prints the commands with which another machine joins as a host of nodes."""

from django.core.management.base import BaseCommand, CommandError

from compute import joining
from compute.models import JoinToken
from compute.rules import COMPUTE_NAME
from studio.errors import Invalid


class Command(BaseCommand):
    help = "Add a machine that runs nodes: prints the commands to run on it within an hour."

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", default="", help="a name for the machine; its own host name by default")

    def handle(self, *, name, **options):
        try:
            name and COMPUTE_NAME.check(name)
        except Invalid as error:
            raise CommandError(error.message.replace("compute name", "host name")) from error
        if warning := joining.find_problem():
            self.stderr.write(warning)
        _, secret = JoinToken.create_with_secret(None)
        for command in joining.list_commands(secret, name):
            self.stdout.write(command)
