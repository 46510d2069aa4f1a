"""Files with names of secrets. A snapshot excludes them, because everybody who can read the run can read its snapshot."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from typing import List, Sequence

from lazuli.runs.ignore_rules import IgnoreRules, parse_rule

# A version control system's folder holds everything that was ever committed, and the passwords of its remotes.
FOLDERS = (".git", ".hg", ".svn", ".ssh", ".gnupg", ".azure", ".config/gcloud", ".password-store")
NAMES = (
    ".git", ".env", ".env.*", ".env-*", ".env_*", ".env~", "*.env", ".envrc",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "id_rsa_*", "id_ed25519_*",
    "id_rsa.*", "id_ed25519.*", "ssh_host_*_key",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.pkcs12", "*.p8", "*.ppk", "*.jks", "*.keystore", "*.kdbx",
    ".netrc", "_netrc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".htpasswd",
    ".pypirc", ".npmrc", ".git-credentials", ".dockercfg", ".databrickscfg", ".s3cfg", ".boto", ".vault-token",
    "credentials.json", "secrets.json", "secrets.toml", "secrets.yaml", "secrets.yml", "local.settings.json",
    "application_default_credentials.json", "azureauth.json", "*.publishsettings", "*.tfvars", "*.ovpn", ".renviron",
    "kaggle.json", "client_secret*.json", "service-account*.json", "service_account*.json",
    "*.tfstate", "*.tfstate.backup", ".terraformrc", ".vault_pass*", ".secret", ".secrets", ".secrets.toml",
    "credentials.csv", "credentials.ini", "credentials.yaml", "credentials.yml", "secrets.ini",
    "accesskeys.csv", "rootkey.csv", "auth.json", ".bash_history", ".zsh_history", ".python_history",
)  # fmt: skip
PATHS = (
    ".aws/credentials",
    ".aws/config",
    ".kube/config",
    ".docker/config.json",
    ".config/gh/hosts.yml",
    ".config/lazuli/logins.json",
    ".streamlit/secrets.toml",
    ".cargo/credentials.toml",
    ".dbt/profiles.yml",
    ".snowsql/config",
)
# Meant to be shared.
HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")
MAX_NAMES_SHOWN = 5


class SecretFiles:
    """Decides which files to exclude, and keeps their names. A line such as `!.env` in the ignore file includes one."""

    def __init__(self, rules: IgnoreRules):
        self.excluded: List[str] = []
        self._ignore_file = rules.file_name
        requested = [
            parse_rule(line) for line in rules.text.splitlines() if line.startswith("!") and _contains_name(line)
        ]
        self._requested = [rule for rule in requested if rule is not None]

    def excludes(self, path: str, is_folder: bool) -> bool:
        if not is_secret(path, is_folder) or self._is_requested(path, is_folder):
            return False
        self.excluded.append(path + "/" if is_folder else path)
        return True

    def describe_excluded(self) -> str:
        """One line that says which files were excluded and how to include them; empty if there are none."""
        if not self.excluded:
            return ""
        more = len(self.excluded) - MAX_NAMES_SHOWN
        named = ", ".join(self.excluded[:MAX_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return (
            f"Left out of the snapshot, because their names suggest secrets: {named}. To include one, add its name after a ! to "
            f"{self._ignore_file}, such as !{self.excluded[0]}"
        )

    def _is_requested(self, path: str, is_folder: bool) -> bool:
        return any(rule.matches(path, is_folder) for rule in self._requested)


def is_secret(path: str, is_folder: bool) -> bool:
    """Whether a path (relative, with `/`) must not be included unless it is requested by its name."""
    path = path.lower()
    name = posixpath.basename(path)
    if is_folder:
        return _ends_with(path, FOLDERS)
    if re.sub("[_-]", ".", name) in HARMLESS or name.endswith(".pub"):
        return False
    return any(fnmatchcase(name, pattern) for pattern in NAMES) or _ends_with(path, PATHS)


def _ends_with(path: str, known: Sequence[str]) -> bool:
    return any(path == one or path.endswith("/" + one) for one in known)


def _contains_name(line: str) -> bool:
    # `!*` and `!*/` include what an earlier line excluded; they do not request a secret.
    return bool(line.strip("!*?/ \t"))
