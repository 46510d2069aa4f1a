"""`manage.py break_glass [USER]`: restore the access of a site admin."""

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import activity, second_factors
from accounts.management.commands.signin import find_owner, link_for
from accounts.models import FailedSignIn, User

NAME = "break-glass"


class Command(BaseCommand):
    help = (
        "Make an account (or the one named) an active site admin that no identity provider can demote, remove its second "
        "factors and its count of wrong passwords, and print a link that signs it in once."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("user", nargs="?", help=f"user name; the Owner if none is given, else a new {NAME!r}")

    def handle(self, *args, user, **options):
        found = restore(user)
        self.stdout.write(f"{found} is a break-glass account: a site admin whom no identity provider can demote.")
        self.stdout.write(link_for(found))


@transaction.atomic
def restore(name: str | None) -> User:
    found = User.objects.filter(username=name).first() if name else find_owner()
    if found is None:
        found = User.objects.create_user(name or NAME)
    fields = {"is_active": True, "is_staff": True, "is_superuser": True, "is_break_glass": True, "closed_as": ""}
    for field, value in fields.items():
        setattr(found, field, value)
    found.save(update_fields=list(fields))
    second_factors.reset_factors(found)
    FailedSignIn.objects.filter(name=found.username.lower()).delete()
    activity.record("account.break_glass", found)
    return found
