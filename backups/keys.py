"""The keys of a studio in a backup: encrypted with a passphrase, because the backup contains the data that they
protect."""

import base64
import hashlib
import json
import os
import pathlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from backups.folders import KEYS
from backups.models import BackupFailed
from studio import encryption

# The parameters of scrypt: 32 MiB and a tenth of a second for each try.
COST = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}


def list_vault_keys() -> list[str]:
    """The keys of the key vaults; none if no secret was stored yet."""
    path = encryption.key_file()
    return settings.KEY_VAULT_KEYS or (path.read_text().split() if path.exists() else [])


def list_key_ids() -> list[str]:
    words = list_vault_keys()
    return encryption.Keys(words).known_ids if words else []


def write_keys(folder: pathlib.Path, passphrase: str) -> None:
    salt = os.urandom(16)
    content = json.dumps({"secret_key": settings.SECRET_KEY, "vault_keys": list_vault_keys()})
    text = _make_fernet(passphrase, salt).encrypt(content.encode()).decode()
    (folder / KEYS).write_text(json.dumps({"salt": salt.hex(), "text": text}))


def read_keys(folder: pathlib.Path, passphrase: str) -> dict:
    """{"secret_key", "vault_keys"}"""
    try:
        stored = json.loads((folder / KEYS).read_text())
        fernet = _make_fernet(passphrase, bytes.fromhex(stored["salt"]))
        return json.loads(fernet.decrypt(stored["text"]))
    except InvalidToken as error:
        raise BackupFailed(f"The passphrase does not open {folder / KEYS}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupFailed(f"{folder / KEYS} is damaged: {error}") from error


def _make_fernet(passphrase: str, salt: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.scrypt(passphrase.encode(), salt=salt, dklen=32, **COST)))
