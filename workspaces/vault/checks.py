"""Checks that the keys of the vaults exist and are private, for `manage.py doctor`."""

import stat

from django.core.exceptions import ImproperlyConfigured

from studio import encryption
from studio.findings import Finding, passed
from workspaces.vault.models import SecretVersion

WHAT = "key vault"


def check_keys() -> Finding:
    try:
        keys = encryption.load_keys()
    except (ImproperlyConfigured, OSError) as error:
        return Finding(WHAT, "fail", str(error), "Bring the key back from a backup, or correct it.")
    if problem := _mode_problem():
        return Finding(WHAT, "fail", problem, f"Type: chmod 600 {encryption.name_key_source()}")
    lost = SecretVersion.objects.exclude(key_id__in=keys.known_ids).count()
    if lost:
        text = (
            f"{lost:,} versions of secrets were encrypted by a key that is missing in {encryption.name_key_source()}."
        )
        return Finding(WHAT, "fail", text, "Bring that key back from a backup; nothing else decrypts them.")
    return passed(WHAT, f"Its keys are in {encryption.name_key_source()}; back them up apart from the database.")


def _mode_problem() -> str:
    path = encryption.key_file()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    return f"{path} can be read by other accounts (mode {mode:04o})." if mode & 0o077 else ""
