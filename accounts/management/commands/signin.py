"""`manage.py signin [USER]`: print print a link that signs a person in once."""

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.models import SignInLink, User
from studio.public_url import public_url


def find_owner() -> User | None:
    """The account created by the first start: the oldest site admin."""
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()


def link_for(user: User, landing: str = "") -> str:
    """A URL that signs the person in once and opens the page `landing`."""
    link = public_url(reverse("accounts:sign_in_link", args=[SignInLink.create_for(user)]))
    return f"{link}?next={landing}" if landing else link


class Command(BaseCommand):
    help = "Print a link that signs a person in once; it is valid for one day."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("user", nargs="?", help="user name; the Owner if none is given")

    def handle(self, *args, user, **options):
        found = User.objects.filter(username=user, is_active=True).first() if user else find_owner()
        if found is None:
            raise CommandError(unknown_user(user))
        self.stdout.write(link_for(found))


def unknown_user(user: str | None) -> str:
    if not user:
        return "There is no Owner yet: start the studio once with `make up`."
    known = ", ".join(User.objects.filter(is_active=True).values_list("username", flat=True)[:20]) or "none yet"
    return f"There is no active account named {user!r}. There are: {known}."
