"""`manage.py host NAME`: prints the commands with which another machine runs nodes for this studio."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compute.keys import host_key
from compute.models import Host
from compute.rules import COMPUTE_NAME
from studio.errors import Invalid


class Command(BaseCommand):
    help = "Connect a machine that runs nodes: prints the commands to run on it."

    def add_arguments(self, parser):
        parser.add_argument("name", help="a name for the machine, such as gpu-box")

    def handle(self, *, name, **options):
        try:
            COMPUTE_NAME.check(name)
        except Invalid as error:
            raise CommandError(error.message.replace("compute name", "host name")) from error
        host, _ = Host.objects.get_or_create(name=name)
        variables = {"SERVER_URL": settings.PUBLIC_URL, "HOST_NAME": name, "HOST_KEY": host_key(host)}
        # Another machine cannot use a Unix socket of this one; without notifications its nodes poll every few seconds.
        if not settings.REDIS_URL.startswith("unix:"):
            variables["REDIS_URL"] = settings.REDIS_URL
        index = f"{settings.PUBLIC_URL}/pypi/simple/"
        self.stdout.write(f"pip install --index-url {index} 'lazuli-sdk[agent]'")
        for key, value in variables.items():
            self.stdout.write(f"export {key}='{value}'")
        self.stdout.write('export DATA_DIR="$HOME/lazuli"  # or any folder with room for environments')
        self.stdout.write("python -m lazuli.agent.host")
