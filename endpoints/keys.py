"""The two keys of an endpoint: one of them opens its scoring address; each can be replaced while the other is in use."""

import secrets

from django.db import models

from accounts.secrets import secret_digest
from endpoints import rules, tokens
from studio import encryption
from studio.errors import Conflict, Invalid


class EndpointKeys(models.Model):
    class Key(models.TextChoices):
        PRIMARY = "Primary"
        SECONDARY = "Secondary"

    auth_enabled = models.BooleanField(default=False)
    # Tokens that expire instead of keys (endpoints/tokens.py).
    token_auth_enabled = models.BooleanField(default=False)
    # Encrypted; requests are compared with the hashes.
    primary_key = models.TextField()
    secondary_key = models.TextField()
    primary_digest = models.CharField(max_length=64)
    secondary_digest = models.CharField(max_length=64)

    class Meta:
        abstract = True

    @property
    def keys(self) -> tuple[str, str]:
        vault = encryption.load_keys()
        return vault.decrypt(self.primary_key, self.owner_of_text), vault.decrypt(
            self.secondary_key, self.owner_of_text
        )

    @property
    def owner_of_text(self) -> str:
        return f"endpoint:{self.pk}"

    def set_key(self, which: str, value: str = "") -> None:
        """Set a given or new key; `Endpoint.save` or `regenerate_key` stores it."""
        value = rules.check_key(value) if value else secrets.token_urlsafe(24)
        field = "primary" if which == self.Key.PRIMARY else "secondary"
        setattr(self, f"{field}_key", encryption.load_keys().encrypt(value, self.owner_of_text))
        setattr(self, f"{field}_digest", secret_digest(value))

    def accepts(self, key: str) -> bool:
        """Whether a request with this key is answered."""
        if self.token_auth_enabled:
            return tokens.is_valid(key, self.owner_of_text, self.primary_digest)
        return not self.auth_enabled or secret_digest(key) in (self.primary_digest, self.secondary_digest)

    def make_token(self) -> tokens.EndpointToken:
        if not self.token_auth_enabled:
            raise Conflict("The endpoint has no token-based authentication: use its keys, or set tokenAuthEnabled.")
        return tokens.make_token(self.owner_of_text, self.primary_digest)


def read_authentication(keys: bool | None, tokens: bool | None) -> dict[str, bool]:
    """The fields for keys and tokens that are given; each turns the other off."""
    if keys and tokens:
        raise Invalid("authEnabled and tokenAuthEnabled are both true: choose keys or tokens.", target="authEnabled")
    given = {"auth_enabled": keys, "token_auth_enabled": tokens}
    if keys or tokens:
        return {name: bool(value) for name, value in given.items()}
    return {name: value for name, value in given.items() if value is not None}
