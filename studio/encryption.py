"""Encrypting the values of secrets. The keys are outside the database: in `<data>/vault.keys`, or in KEY_VAULT_KEYS.

The first key encrypts, all of them decrypt. A value is bound to its secret, so that write access to the database alone
is not enough to copy the value of one secret into another.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from studio.errors import NotReady
from studio.secret_key import read_or_make_secret

# Functions that encrypt what a table stores with the current key, and return the number of values. Apps that store
# encrypted text register one, for `manage.py rotate_vault_keys`.
ENCRYPT_AGAIN: list[Callable[["Keys"], int]] = []


class Keys:
    """The current keys; another process may have added one."""

    def __init__(self, words: list[str]):
        try:
            self._fernets = [Fernet(word) for word in words]
        except ValueError as error:
            raise ImproperlyConfigured(
                f"A key in {name_key_source()} is not a key of the vault: write 32 bytes in URL-safe base64 (44 characters) for each."
            ) from error
        self._ids = [_id_of(word) for word in words]

    @property
    def current_id(self) -> str:
        return self._ids[0]

    @property
    def known_ids(self) -> list[str]:
        return self._ids

    def encrypt(self, value: str, owner: str) -> str:
        return self._fernets[0].encrypt(json.dumps([owner, value]).encode()).decode()

    def decrypt(self, text: str, owner: str) -> str:
        try:
            found, value = json.loads(MultiFernet(self._fernets).decrypt(text))
        except InvalidToken as error:
            raise NotReady(
                "This secret cannot be decrypted: its key is missing. A site admin can find out more with `make doctor`."
            ) from error
        if found != owner:
            raise NotReady("This secret holds the value of another one; its row was changed in the database.")
        return value


def register_columns(model: type[Model], *columns: str) -> None:
    """Register columns of encrypted text of a model, whose rows have `owner_of_text`."""
    ENCRYPT_AGAIN.append(lambda keys: _encrypt_columns(model, columns, keys))


def _encrypt_columns(model: type[Model], columns: tuple[str, ...], keys: Keys) -> int:
    """Encrypt again; rows that change meanwhile stay as they are."""
    number = 0
    for row in model._default_manager.all():
        for column in columns:
            old, owner = getattr(row, column), row.owner_of_text  # type: ignore[attr-defined]
            same = model._default_manager.filter(pk=row.pk, **{column: old})
            number += same.update(**{column: keys.encrypt(keys.decrypt(old, owner), owner)}) if old else 0
    return number


def load_keys() -> Keys:
    return Keys(settings.KEY_VAULT_KEYS or _read_file())


def name_key_source() -> str:
    return "KEY_VAULT_KEYS" if settings.KEY_VAULT_KEYS else str(key_file())


def write_keys(words: list[str]) -> None:
    """Write the keys atomically, readable by this account only."""
    path = key_file()
    fresh = path.with_suffix(f".{os.getpid()}")
    with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(words) + "\n")
    fresh.replace(path)


def add_key() -> Keys:
    """Add a new key in front of the others in the file."""
    write_keys([Fernet.generate_key().decode(), *_read_file()])
    return load_keys()


def forget_old_keys() -> None:
    write_keys(_read_file()[:1])


def _read_file() -> list[str]:
    return read_or_make_secret(key_file(), lambda: Fernet.generate_key().decode() + "\n").split()


def key_file() -> pathlib.Path:
    return pathlib.Path(settings.DATA_DIR) / "vault.keys"


def _id_of(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()[:12]
