"""Requirements of docs/asvs.md that the source and its files show by themselves."""

import ast
import json
import re
import tomllib

import pytest

from accounts.secrets import new_secret
from tests.test_house import ROOT, nodes_of, python_files

SDK = sorted((ROOT / "sdk" / "src").rglob("*.py"))
# Certificates of MySQL and MariaDB are not verified where a datastore says `require`, as with PostgreSQL's clients.
UNVERIFIED = {"sdk/src/lazuli/data/queries.py"}


def found_in(paths, *kinds):
    """(path below the repository, node) of each node of these kinds."""
    for path in paths:
        for node in nodes_of(path):
            if isinstance(node, kinds):
                yield path.relative_to(ROOT).as_posix(), node


def test_hashes_are_strong_where_they_protect_something():
    allowed = {"sha256", "blake2b", "scrypt", "file_digest"}
    for path, node in found_in([*python_files(), *SDK], ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id == "hashlib" and node.attr != "sha1":
            assert node.attr in allowed, (path, node.attr)
    for path, node in found_in([*python_files(), *SDK], ast.Call):
        text = ast.unparse(node)
        if text.startswith("hashlib.sha1("):
            assert "usedforsecurity=False" in text, (path, text)
        if text.startswith(("hmac.new(", "hashlib.file_digest(")):
            assert "sha256" in text, (path, text)


def test_only_fernet_encrypts():
    found = {
        (path, node.module)
        for path, node in found_in(python_files(), ast.ImportFrom)
        if (node.module or "").startswith(("cryptography", "Crypto", "nacl"))
    }
    assert {module for _, module in found} == {"cryptography.fernet"}
    assert {path for path, _ in found} == {"backups/keys.py", "studio/encryption.py"}


def test_secrets_come_from_the_generator_of_the_system():
    folders = (
        "accounts/",
        "workspaces/",
        "compute/",
        "endpoints/",
        "notices/",
        "studio/encryption",
        "studio/secret_key",
    )
    for path, node in found_in(python_files(), ast.Import, ast.ImportFrom):
        names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module}
        assert not ("random" in names and path.startswith(folders)), path
    # 43 characters of 64: 256 bits.
    assert len({new_secret() for _ in range(100)}) == 100 and len(new_secret()) == 43


def test_certificates_are_verified():
    for path, node in found_in([*python_files(), *SDK], ast.keyword):
        assert not (node.arg == "verify" and ast.unparse(node.value) == "False"), path
    off = {
        path
        for path, node in found_in([*python_files(), *SDK], ast.Attribute)
        if node.attr in ("CERT_NONE", "_create_unverified_context", "disable_warnings")
    }
    assert off == UNVERIFIED


def test_formats_are_fixed_texts():
    """No text of a user is the receiver of `format`."""
    for path, node in found_in(python_files(), ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            owner = ast.unparse(node.func.value)
            is_constant = re.match(r"(\w+\.)?[A-Z][A-Z_]+\b", owner)
            assert isinstance(node.func.value, ast.Constant) or is_constant, (path, owner)


def test_pages_need_no_plugins():
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").rglob("*.js")]
    assert not [path for path in files if re.search(r"<(object|embed|applet)\b", path.read_text())]


def test_components_are_locked_with_digests():
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]:
            assert re.match("sha256:[0-9a-f]{64}", file.get("hash", "")) or "path" in file, package["name"]
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not [name for name, one in packages.items() if name and not one["integrity"].startswith("sha512-")]


def test_the_image_has_no_tests():
    assert {"tests", "bench", ".git", "data"} <= {*(ROOT / "deploy/Containerfile.dockerignore").read_text().split()}


@pytest.mark.parametrize("path", [".git/HEAD", ".git/config", "uv.lock", "manage.py", "static/", "static/js/", "data/"])
def test_neither_the_source_nor_a_folder_is_served(client, db, path):
    answer = client.get(f"/{path}")
    assert answer.status_code in (302, 404) and "Index of" not in answer.content.decode()
    assert answer.status_code == 404 or answer.url.startswith("/signin/")
