"""OpenID Connect providers that people can sign in through; site admins set them up on a page."""

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor, require_site_admin
from studio import encryption
from studio.errors import Conflict
from studio.formats import format_count
from studio.public_url import public_url

# The action for messages to people who are not site admins.
ACT = "set up identity providers"
WELL_KNOWN = "/.well-known/openid-configuration"
# The fields that a site admin can change, without the secret.
WRITABLE = (
    "name",
    "issuer",
    "client_id",
    "scopes",
    "groups_claim",
    "trusts_email",
    "makes_accounts",
    "needs_approval",
    "is_active",
)


class IdentityProvider(models.Model):
    # Part of the redirect address that is registered at the provider, so it never changes.
    slug = models.SlugField("short name", max_length=40, unique=True)
    name = models.CharField(max_length=40)
    issuer = models.URLField(max_length=400)
    client_id = models.CharField("client id", max_length=190)
    # Encrypted like the key vault's secrets.
    secret_text = models.TextField(blank=True)
    scopes = models.CharField(max_length=200, default="openid profile email")
    groups_claim = models.CharField("claim that contains groups", max_length=100, default="groups", blank=True)
    trusts_email = models.BooleanField("connect accounts by verified address", default=False)
    makes_accounts = models.BooleanField("create accounts for new people", default=False)
    needs_approval = models.BooleanField("new people wait for approval by a site admin", default=True)
    is_active = models.BooleanField("offered on the sign-in page", default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    @classmethod
    @transaction.atomic
    def create(cls, actor: Actor, slug: str, secret: str, **fields: Any) -> "IdentityProvider":
        require_site_admin(actor, ACT)
        if cls.objects.filter(slug=slug).exists():
            raise Conflict(f"There is a provider {slug!r} already.", target="slug")
        made = cls(slug=slug, **{name: fields[name] for name in WRITABLE})
        made._encrypt(secret)
        made.save(force_insert=True)
        activity.record("provider.create", made, actor=actor, message=made.issuer)
        return made

    @transaction.atomic
    def change(self, actor: Actor, secret: str, **fields: Any) -> None:
        """Change fields; an empty secret keeps the stored one."""
        require_site_admin(actor, ACT)
        before = {name: getattr(self, name) for name in WRITABLE}
        self._check_issuer(fields["issuer"])
        for name in WRITABLE:
            setattr(self, name, fields[name])
        changes: dict[str, list] = {
            name: [before[name], fields[name]] for name in WRITABLE if before[name] != fields[name]
        }
        if secret:
            self._encrypt(secret)
            changes["secret"] = ["", "changed"]
        self.save()
        activity.record("provider.edit", self, actor=actor, changes=changes)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Delete it. People who signed in with it keep their accounts, and need another way to sign in: a later provider
        with the same short name could give their subjects to other people."""
        require_site_admin(actor, ACT)
        number, _ = self.identities.delete()
        message = f"{self.issuer}, with {format_count(number, 'connected account')}"
        activity.record("provider.delete", self, actor=actor, message=message)
        self.delete()

    def _check_issuer(self, issuer: str) -> None:
        """Subjects are unique for each issuer only, so people are never moved to another one."""
        number = 0 if issuer == self.issuer else self.identities.count()
        if number:
            raise Conflict(
                f"{format_count(number, 'account')} here {'is' if number == 1 else 'are'} connected to {self.issuer}. "
                "Another issuer may use the same ids for other people: set up a second provider for it.",
                target="issuer",
            )

    @property
    def identities(self) -> models.QuerySet:
        """Who signs in with it."""
        return SocialAccount.objects.filter(provider=self.slug)

    def _encrypt(self, secret: str) -> None:
        self.secret_text = encryption.load_keys().encrypt(secret, self.owner_of_text)

    @property
    def secret(self) -> str:
        return encryption.load_keys().decrypt(self.secret_text, self.owner_of_text)

    @property
    def owner_of_text(self) -> str:
        return f"identity provider {self.slug}"

    @property
    def discovery_url(self) -> str:
        return self.issuer if WELL_KNOWN in self.issuer else self.issuer.rstrip("/") + WELL_KNOWN

    def is_issuer(self, name: str) -> bool:
        """Whether a discovery document that names this issuer is the one of this provider."""
        return name.rstrip("/") == self.issuer.partition(WELL_KNOWN)[0].rstrip("/")

    @property
    def redirect_url(self) -> str:
        """The URL to register at the provider, built from PUBLIC_URL and never from a request."""
        return public_url(reverse("accounts:oidc_callback", args=[self.slug]))
