"""`manage.py token NAME`: print print a new access token for scripts."""

from django.core.management.base import BaseCommand, CommandError

from accounts.management.commands.signin import find_owner, unknown_user
from accounts.models import Token, User
from studio.errors import Invalid


class Command(BaseCommand):
    help = "Print a new token of the Owner (or of --user) for LAZULI_TOKEN. It is shown only once."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("name", help="what the token is for; the list of tokens shows it")
        parser.add_argument("--user", help="whose token; the Owner's if not given")
        parser.add_argument("--days", type=int, help="days until it expires (default: never)")

    def handle(self, *args, name, user, days, **options):
        found = User.objects.filter(username=user, is_active=True).first() if user else find_owner()
        if found is None:
            raise CommandError(unknown_user(user))
        if days is not None and days < 1:
            raise CommandError(f"--days {days}: write a whole number from 1.")
        try:
            _, secret = Token.create_for(found, name, days)
        except Invalid as error:
            raise CommandError(error.message) from error
        self.stdout.write(secret)
