"""People and how they sign in: sign-in links, failed sign-ins, tokens, device logins."""

import datetime as dt

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from accounts import activity
from accounts.activity import Activity
from accounts.activity_stream import PendingActivity, StreamState
from accounts.actors import Actor
from accounts.identity_providers import IdentityProvider
from accounts.principals import PrincipalSecret, ServicePrincipal
from accounts.rules import TOKEN_NAME, TOKEN_SCOPE, TokenScope
from accounts.secrets import new_secret, secret_digest
from accounts.sessions import Session
from accounts.sign_in_policy import SignInPolicy
from accounts.view_as import ViewAs
from studio import visible_names
from studio.errors import Conflict, Invalid

__all__ = [
    "Activity",
    "DeviceLogin",
    "FailedSignIn",
    "IdentityProvider",
    "PendingActivity",
    "PrincipalSecret",
    "SentForm",
    "ServicePrincipal",
    "Session",
    "SignInLink",
    "SignInPolicy",
    "StreamState",
    "Token",
    "User",
    "ViewAs",
]


class User(AbstractUser):
    class Kind(models.TextChoices):
        PERSON = "person"
        # It has no password and cannot sign in by a link.
        SERVICE_PRINCIPAL = "service principal"

    class Theme(models.TextChoices):
        SYSTEM = "system"
        LIGHT = "light"
        DARK = "dark"

    class Closed(models.TextChoices):
        """Why an account is closed; empty for one that is open, or that was switched off in the administration."""

        PENDING = "pending"
        BLOCKED = "blocked"
        DEACTIVATED = "deactivated"

    kind = models.CharField(max_length=20, choices=Kind, default=Kind.PERSON, editable=False)
    closed_as = models.CharField(max_length=12, choices=Closed, blank=True, editable=False)
    # Created by `manage.py break_glass`: claims of identity providers cannot remove its rights.
    is_break_glass = models.BooleanField(default=False, editable=False)
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    # Stored here and not only counted, because every page shows it.
    unread_notifications = models.PositiveIntegerField(default=0, editable=False)

    def clean(self):
        """Called by the forms of the administration, which change the row."""
        super().clean()
        for field in ("username", "first_name", "last_name"):
            problem = visible_names.problem_with(getattr(self, field))
            if problem:
                raise ValidationError({field: f"The name {problem}"})

    @classmethod
    def of_key(cls, key: int) -> "User":
        """The person with this key; the row is read when another field is accessed."""
        return cls.from_db("default", ["id"], [key])

    @property
    def label(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        words = self.label.replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper()


class SignInLink(models.Model):
    """A link that signs a person in once. An invitation, which a new account gets, asks for a password first."""

    INVITED_FOR = dt.timedelta(days=7)

    user = models.ForeignKey(User, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    is_invitation = models.BooleanField(default=False)

    def __str__(self):
        return f"for {self.user}"

    @classmethod
    @transaction.atomic
    def create_for(cls, user, hours: int = 24, is_invitation: bool = False) -> str:
        """Create a link and return the secret for its URL; only its digest is stored. A new invitation replaces the
        person's earlier ones."""
        if user.kind == User.Kind.SERVICE_PRINCIPAL:
            raise Invalid(f"{user} is a service principal, which signs in by its client id and secret alone.")
        secret = new_secret()
        if is_invitation:
            cls.objects.filter(user=user, is_invitation=True, used_at=None).delete()
        cls.objects.create(
            user=user,
            digest=secret_digest(secret),
            expires_at=timezone.now() + (cls.INVITED_FOR if is_invitation else dt.timedelta(hours=hours)),
            is_invitation=is_invitation,
        )
        activity.record("signin_link.create", user)
        return secret

    @classmethod
    def find_invited(cls, secret: str) -> User | None:
        """The invited person, while the invitation can be accepted."""
        links = cls._unused(secret, is_invitation=True).select_related("user")
        return next((link.user for link in links if link.user.is_active), None)

    @classmethod
    def redeem(cls, secret: str, is_invitation: bool = False) -> User | None:
        """Return the person on the first use before the link expires, otherwise None."""
        # One conditional UPDATE: of two clicks, only one wins.
        if not cls._unused(secret, is_invitation).update(used_at=timezone.now()):
            return None
        return cls.objects.select_related("user").get(digest=secret_digest(secret)).user

    @classmethod
    def _unused(cls, secret: str, is_invitation: bool):
        return cls.objects.filter(
            digest=secret_digest(secret), is_invitation=is_invitation, used_at=None, expires_at__gt=timezone.now()
        )


class FailedSignIn(models.Model):
    """A wrong password or sign-in link (without a name), stored for a day and counted by accounts/sign_in_limits.py."""

    WINDOW = dt.timedelta(hours=1)

    name = models.CharField(max_length=150, blank=True, db_index=True)
    # For IPv6 the network.
    address = models.CharField(max_length=43, blank=True, db_index=True)
    # The id of the browser, if the person has signed in with it before.
    device = models.CharField(max_length=32, blank=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.name or 'a link'}, {self.at:%Y-%m-%d %H:%M}"


class Token(models.Model):
    """A personal access token. The secret is shown once; its sha256 is stored."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=5, choices=TokenScope, default=TokenScope.ADMIN)
    # The only workspace for which it is valid. No foreign key, because workspaces are an app above this one.
    workspace_key = models.BigIntegerField(null=True, blank=True)
    workspace_name = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=43, blank=True)
    last_used_by = models.CharField(max_length=80, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    @transaction.atomic
    def create_for(
        cls, user, name: str, days: int | None = None, actor: Actor | None = None, scope: str = "", workspace=None
    ) -> tuple["Token", str]:
        """Create a token and its secret. `scope` is one of TokenScope, by default all permissions; `workspace` limits
        it to one."""
        secret = new_secret("lz_")
        expires = timezone.now() + dt.timedelta(days=days) if days else None
        token = cls.objects.create(
            user=user,
            name=TOKEN_NAME.check(name),
            prefix=secret[:8],
            digest=secret_digest(secret),
            expires_at=expires,
            scope=TOKEN_SCOPE.check(scope or TokenScope.ADMIN),
            workspace_key=workspace and workspace.pk,
            workspace_name=workspace.name if workspace else "",
        )
        where = f" in {workspace}" if workspace else ""
        activity.record("token.create", token, actor=actor, message=f"of {user}, to {token.scope}{where}")
        return token, secret

    @transaction.atomic
    def revoke(self):
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])
        activity.record("token.revoke", self, message=f"of {self.user}")

    @classmethod
    @transaction.atomic
    def revoke_all(cls, user) -> int:
        """Revoke all of a person's tokens; return their number."""
        live = list(cls.objects.filter(user=user, revoked_at=None))
        for token in live:
            token.revoke()
        return len(live)

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class DeviceLogin(models.Model):
    """`lazuli login`: the terminal shows a short code, a signed-in browser approves it."""

    device_digest = models.CharField(max_length=64, unique=True)
    user_code = models.CharField(max_length=9, unique=True)
    client_name = models.CharField(max_length=100)
    # The address of the terminal; for IPv6 the network.
    address = models.CharField(max_length=43, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    user = models.ForeignKey(User, models.CASCADE, null=True)
    denied_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)

    def __str__(self):
        return self.user_code

    @transaction.atomic
    def approve(self, user):
        if not DeviceLogin.objects.filter(pk=self.pk, user=None, denied_at=None, expires_at__gt=timezone.now()).update(
            user=user
        ):
            raise Conflict("This code was used already or has expired. Run `lazuli login` again.")
        activity.record("login.approve", self, label=self.client_name)

    @transaction.atomic
    def deny(self):
        DeviceLogin.objects.filter(pk=self.pk, user=None).update(denied_at=timezone.now())
        activity.record("login.deny", self, label=self.client_name)

    def issue_token(self) -> str:
        """Return the secret of the new token after approval; before it, raise Invalid with a code of OAuth's device
        flow."""
        if self.denied_at:
            raise Invalid("The request was denied in the browser.", code="access_denied")
        if self.expires_at < timezone.now() or self.redeemed_at:
            raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
        if not self.user:
            raise Invalid("Waiting for approval in the browser.", code="authorization_pending")
        if not DeviceLogin.objects.filter(pk=self.pk, redeemed_at=None).update(redeemed_at=timezone.now()):
            raise Invalid("The code has expired. Run `lazuli login` again.", code="expired_token")
        return Token.create_for(self.user, f"login from {self.client_name}", actor=Actor(self.user))[1]


class SentForm(models.Model):
    """A form that has created something (accounts/form_keys.py)."""

    digest = models.CharField(max_length=64, unique=True)
    # The target of its redirect; empty if the response was a page.
    location = models.CharField(max_length=2000, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self):
        return self.location
