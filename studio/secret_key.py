"""The signing key: created at the first start and kept in the data folder."""

import os
import pathlib
import secrets


def secret_key(data_dir: pathlib.Path) -> str:
    """The key in `<data>/secret.key`, created (mode 0600) if there is none."""
    path = data_dir / "secret.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(f".{os.getpid()}")
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
