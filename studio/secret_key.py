"""Secrets that a studio creates at its first start and stores in its data folder: the signing key, the password of its Redis."""

import os
import pathlib
import secrets


def secret_key(data_dir: pathlib.Path) -> str:
    """The key in `<data>/secret.key`, created (mode 0600) if there is none."""
    return read_or_make_secret(data_dir / "secret.key")


def read_or_make_secret(path: pathlib.Path) -> str:
    """The text of the file, created (mode 0600) with a random one if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        # If two processes start together, the key of the first one is used.
        try:
            os.link(fresh, path)
        except FileExistsError:
            fresh.unlink()
        else:
            fresh.unlink()
    return path.read_text()
