"""Service principals: programs with their own roles. Each has an account that cannot sign in, an id and up to two
secrets."""

import base64
import datetime as dt
import hmac
import uuid

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.db import models, transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.rules import PRINCIPAL_NAME
from accounts.secrets import new_secret, secret_digest
from studio.errors import Conflict, Invalid

MAX_LIVE_SECRETS = 2
MAX_DAYS = 730
TOKEN_SECONDS = 3600
# The prefix of personal tokens, so that logs mask both.
TOKEN_PREFIX = "lz_sp_"
SALT = "service-principal"


class ServicePrincipalQuerySet(models.QuerySet):
    def with_details(self):
        return self.select_related("user").prefetch_related("secrets", "user__roles")


class ServicePrincipal(models.Model):
    # The account that has the roles and is the creator of its objects.
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="service_principal")
    client_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ServicePrincipalQuerySet.as_manager()

    class Meta:
        ordering = ["user__username"]

    def __str__(self):
        return self.user.username

    @classmethod
    @transaction.atomic
    def create(cls, actor: Actor, name: str) -> "ServicePrincipal":
        users = get_user_model().objects
        PRINCIPAL_NAME.check(name)
        if users.filter(username__iexact=name).exists():
            raise Conflict(f"There is an account {name!r} already.", target="name")
        made = cls.objects.create(user=users.create_user(name, kind="service principal"))
        activity.record("principal.create", made, actor=actor, message=f"client id {made.client_id}")
        return made

    @transaction.atomic
    def add_secret(self, actor: Actor, days: int) -> tuple["PrincipalSecret", str]:
        """Create a secret; return it with its text, which is not stored."""
        if not 1 <= days <= MAX_DAYS:
            raise Invalid(f"A secret can be valid for 1 to {MAX_DAYS} days, not {days}.", target="days")
        # If there are two requests at the same moment, the second waits and counts the first one's secret.
        ServicePrincipal.objects.select_for_update().get(pk=self.pk)
        if self.secrets.live().count() >= MAX_LIVE_SECRETS:
            raise Conflict(f"{self} has {MAX_LIVE_SECRETS} secrets. Revoke one first.", target="days")
        text = new_secret("lz_")
        ends = timezone.now() + dt.timedelta(days=days)
        secret = self.secrets.create(hint=text[:7], digest=secret_digest(text), expires_at=ends)
        activity.record("principal_secret.create", secret, actor=actor, label=f"{self} ({secret})")
        return secret, text

    @transaction.atomic
    def set_active(self, actor: Actor, is_active: bool) -> None:
        self.user.is_active = is_active
        self.user.save(update_fields=["is_active"])
        changes = {"is_active": [not is_active, is_active]}
        activity.record("principal.edit", self, actor=actor, changes=changes)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Delete it with its secrets and roles; the objects that it created stay."""
        activity.record("principal.delete", self, actor=actor, message=f"client id {self.client_id}")
        self.user.delete()


class PrincipalSecretQuerySet(models.QuerySet):
    def live(self):
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class PrincipalSecret(models.Model):
    principal = models.ForeignKey(ServicePrincipal, models.CASCADE, related_name="secrets")
    hint = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = PrincipalSecretQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.hint}…"

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()

    @transaction.atomic
    def revoke(self, actor: Actor) -> None:
        """Revoke it with the tokens that were issued for it."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
        activity.record("principal_secret.revoke", self, actor=actor, label=f"{self.principal} ({self})")


def check_secret(client_id: str, text: str) -> tuple[PrincipalSecret | None, bool]:
    """The valid secret of the principal with this text, and whether the principal exists."""
    try:
        principal = ServicePrincipal.objects.filter(client_id=uuid.UUID(client_id), user__is_active=True).first()
    except ValueError:
        principal = None
    if principal is None:
        return None, False
    given = secret_digest(text)
    found = [secret for secret in principal.secrets.live() if hmac.compare_digest(secret.digest, given)]
    if found:
        PrincipalSecret.objects.filter(pk=found[0].pk).update(last_used_at=timezone.now())
    return (found[0] if found else None), True


def make_token(secret: PrincipalSecret) -> str:
    """A token for an hour, but no longer than the secret is valid."""
    signed = signing.dumps([secret.pk], salt=SALT)
    # Only letters and digits, so that logs mask it.
    return TOKEN_PREFIX + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")


def find_user(token: str):
    """The user of a token of `make_token`; None if it is not one, has ended, or its secret was revoked."""
    text = token.removeprefix(TOKEN_PREFIX)
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        (key,) = signing.loads(signed, salt=SALT, max_age=TOKEN_SECONDS)
    except (signing.BadSignature, ValueError):
        return None
    live = PrincipalSecret.objects.live().filter(pk=key, principal__user__is_active=True)
    secret = live.select_related("principal__user").first()
    return secret and secret.principal.user
