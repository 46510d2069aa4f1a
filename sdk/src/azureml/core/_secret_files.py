"""Files that are secrets by their names: a snapshot goes to everybody who may read the run, so it leaves them out."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import List, Sequence

from azureml.core._ignore_rules import IgnoreRules, parse_rule

# Of a version control system the whole past, with all that was ever committed and the passwords of its remotes.
FOLDERS = (".git", ".hg", ".svn", ".ssh", ".gnupg", ".azure", ".config/gcloud", ".password-store")
NAMES = (
    ".git", ".env", ".env.*", "*.env", ".envrc",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdbx",
    ".netrc", "_netrc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".htpasswd",
    ".pypirc", ".npmrc", ".git-credentials", ".dockercfg", ".databrickscfg", ".s3cfg", ".boto", ".vault-token",
    "kaggle.json", "client_secret*.json", "service-account*.json", "service_account*.json",
    "*.tfstate", "*.tfstate.backup",
)  # fmt: skip
PATHS = (
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    ".config/gh/hosts.yml",
    ".config/lazuli/logins.json",
    ".streamlit/secrets.toml",
    ".cargo/credentials.toml",
)
# Written to be shared.
HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")
MOST_NAMED = 5


class SecretFiles:
    """Says what to leave out, and remembers it. A line such as `!.env` in the folder's ignore file asks for one by its name."""

    def __init__(self, rules: IgnoreRules):
        self.left_out: List[str] = []
        self._ignore_file = rules.file_name
        asked = [
            parse_rule(line) for line in rules.text.splitlines() if line.startswith("!") and _names_something(line)
        ]
        self._asked = [rule for rule in asked if rule is not None]

    def leaves_out(self, path: str, is_folder: bool) -> bool:
        if not is_secret(path, is_folder) or self._is_asked_for(path, is_folder):
            return False
        self.left_out.append(path + "/" if is_folder else path)
        return True

    def sentence(self) -> str:
        """One line about what was left out, and how to have it; empty if it was nothing."""
        if not self.left_out:
            return ""
        more = len(self.left_out) - MOST_NAMED
        named = ", ".join(self.left_out[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return (
            f"Left out of the snapshot, for their names are those of secrets: {named}. To take one in, name it after a ! in "
            f"{self._ignore_file}, such as !{self.left_out[0]}"
        )

    def _is_asked_for(self, path: str, is_folder: bool) -> bool:
        return any((is_folder or not rule.folders_only) and rule.pattern.fullmatch(path) for rule in self._asked)


def is_secret(path: str, is_folder: bool) -> bool:
    """Whether a path (relative, with `/`) is one that should not go out without being asked for."""
    path = path.lower()
    name = posixpath.basename(path)
    if is_folder:
        return _ends_with(path, FOLDERS)
    if name in HARMLESS:
        return False
    return any(fnmatchcase(name, pattern) for pattern in NAMES) or _ends_with(path, PATHS)


def _ends_with(path: str, known: Sequence[str]) -> bool:
    return any(path == one or path.endswith("/" + one) for one in known)


def _names_something(line: str) -> bool:
    # `!*` and `!*/` take all in that an earlier line left out; that asks for no secret.
    return bool(line.strip("!*?/ \t"))
