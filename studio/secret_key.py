"""Secrets that a studio creates at its first start and stores in its data folder: the signing key, the password of its
private Redis."""

import os
import pathlib
import secrets
from collections.abc import Callable


def secret_key(data_dir: pathlib.Path) -> str:
    """The key in `<data>/secret.key`, created (mode 0600) if there is none."""
    return read_or_make_secret(data_dir / "secret.key")


def make_secret() -> str:
    return secrets.token_urlsafe(50)


def read_or_make_secret(path: pathlib.Path, make: Callable[[], str] = make_secret) -> str:
    """The text of the file, created (mode 0600) if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
        try:
            os.link(fresh, path)
        except FileExistsError:
            # If two processes start together, both use the secret of the first.
            return path.read_text()
        finally:
            fresh.unlink()
    return path.read_text()
