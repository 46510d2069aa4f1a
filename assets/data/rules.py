"""Validation rules for datastores and data assets, shared by pages and API."""

import pathlib
import re

from django.conf import settings

from studio import file_paths, names, outbound
from studio.errors import Invalid
from studio.rules import DESCRIPTION, TAGS, name_rule, text_rule

DATASTORE_NAME = name_rule("datastore name")
DATA_NAME = name_rule("data name")
VALUE = text_rule("value", max_length=1000)
ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
CONTAINER = re.compile(r"[a-z0-9$](?:[a-z0-9-]{1,61}[a-z0-9])")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
AZURE = ("account_name", "container", "endpoint", "protocol", "prefix")
SERVER = ("server_name", "database_name", "port", "endpoint", "ssl_mode")
# Maps each kind to its settings that are not secret, and to those that are required.
SETTINGS = {
    "Folder": (("folder",), ("folder",)),
    "AzureBlob": (AZURE, ("account_name", "container")),
    "AzureFile": (AZURE, ("account_name", "container")),
    "AzureDataLakeGen2": (AZURE, ("account_name", "container")),
    "S3": (("container", "endpoint", "region", "prefix"), ("container",)),
    "AzurePostgreSql": (SERVER, ("server_name", "database_name")),
    "AzureMySql": (SERVER, ("server_name", "database_name")),
    "Sqlite": (("file",), ("file",)),
}
# Maps the kind of credentials to the names of its values.
CREDENTIALS = {
    "None": (),
    "AccountKey": ("account_key",),
    "Sas": ("sas_token",),
    "ServicePrincipal": ("tenant_id", "client_id", "client_secret"),
    "AccessKey": ("access_key_id", "secret_access_key"),
    "Password": ("user_id", "user_password"),
}
ALLOWED = {
    "Folder": ("None",),
    "AzureBlob": ("None", "AccountKey", "Sas", "ServicePrincipal"),
    "AzureFile": ("AccountKey", "Sas"),
    "AzureDataLakeGen2": ("None", "AccountKey", "Sas", "ServicePrincipal"),
    "S3": ("None", "AccessKey"),
    "AzurePostgreSql": ("Password",),
    "AzureMySql": ("Password",),
    "Sqlite": ("None",),
}
DEFAULT_ENDPOINT = "core.windows.net"
# Maps each kind of database server to the host of Azure's servers, and to its usual port.
SERVERS = {
    "AzurePostgreSql": ("postgres.database.azure.com", "5432"),
    "AzureMySql": ("mysql.database.azure.com", "3306"),
}
# What to do instead for kinds of Azure that the studio does not read.
INSTEAD = {
    "AzureSqlDatabase": " Read the rows of SQL Server in a script, and register them as a dataset.",
}
HOST = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,250}[a-zA-Z0-9])?|[0-9a-fA-F:]{2,39}")
SSL_MODES = ("require", "prefer", "verify-full")
MAX_SECRET_LENGTH = 5000


def check_datastore(fields: dict) -> dict:
    """The columns of a datastore, and `secrets`, from {kind, settings, credentials, secrets, description, tags}."""
    kind = fields.get("kind") or ""
    if kind not in SETTINGS:
        text = f"{kind!r} is not a kind of datastore that can be registered: write {' or '.join(SETTINGS)}."
        text += INSTEAD.get(kind, "")
        raise Invalid(text, target="datastoreType")
    chosen, secrets = _check_credentials(kind, fields.get("credentials") or "None", fields.get("secrets") or {})
    return {
        "kind": kind,
        "settings": _check_settings(kind, fields.get("settings") or {}),
        "credentials": chosen,
        "secrets": secrets,
        "description": DESCRIPTION.check(fields.get("description") or ""),
        "tags": TAGS.check(fields.get("tags")),
    }


def _check_settings(kind: str, given: dict) -> dict:
    known, required = SETTINGS[kind]
    found = {name: VALUE.check(given[name]) for name in known if given.get(name)}
    for name in required:
        if name not in found:
            raise Invalid(f"A datastore of the kind {kind} needs {name}.", target=wire_name(name, kind))
    if kind == "Folder":
        return {"folder": str(check_folder(found["folder"]))}
    if kind == "Sqlite":
        return {"file": str(check_file(found["file"]))}
    if kind in SERVERS:
        return _check_server(found, *SERVERS[kind])
    _check_names(kind, found)
    if kind != "S3":
        found = {"protocol": "https", "endpoint": DEFAULT_ENDPOINT, **found}
        if found["protocol"] not in ("https", "http"):
            raise Invalid("The protocol is https or http.", target="protocol")
    if address := get_address(kind, found):
        outbound.check_url(address, "endpoint")
    return found


def _check_server(found: dict, endpoint: str, usual_port: str) -> dict:
    """With `host`: the server itself if its name has a dot, otherwise the server of this name at the endpoint."""
    name, port = found["server_name"], found.get("port") or usual_port
    is_host = "." in name or ":" in name or name == "localhost"
    host = name if is_host else f"{name}.{found.get('endpoint') or endpoint}"
    if not HOST.fullmatch(host):
        raise Invalid(f"{host[:200]!r} is not the name of a host.", target="serverName")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise Invalid(f"{port[:20]!r} is not a port: write 1 to 65535.", target="port")
    mode = found.get("ssl_mode") or "require"
    if mode not in SSL_MODES:
        raise Invalid(f"{mode[:20]!r}: write {' or '.join(SSL_MODES)}.", target="sslMode")
    outbound.find_host(host, int(port), "serverName")
    return {**found, "host": host, "port": port, "ssl_mode": mode}


def _check_names(kind: str, found: dict) -> None:
    pattern = BUCKET if kind == "S3" else CONTAINER
    if not pattern.fullmatch(found["container"]):
        text = f"{found['container'][:100]!r} is not a name: use 3 to 63 lower-case letters, digits and hyphens."
        raise Invalid(text, target=wire_name("container", kind))
    if kind != "S3" and not ACCOUNT.fullmatch(found["account_name"]):
        text = f"{found['account_name'][:100]!r} is not a storage account: use 3 to 24 lower-case letters and digits."
        raise Invalid(text, target="accountName")
    if "prefix" in found:
        found["prefix"] = check_stored_path(found["prefix"].strip("/"), "prefix")


def get_address(kind: str, found: dict) -> str:
    """The web address of the store; empty for Amazon's own."""
    if kind == "S3":
        return found.get("endpoint", "")
    endpoint = found["endpoint"]
    if "://" in endpoint:
        return endpoint
    service = "file" if kind == "AzureFile" else "blob"
    return f"{found['protocol']}://{found['account_name']}.{service}.{endpoint}"


def _check_credentials(kind: str, chosen: str, given: dict) -> tuple[str, dict]:
    if chosen not in ALLOWED[kind]:
        text = f"Credentials of the kind {chosen!r} cannot be used with {kind}: write {' or '.join(ALLOWED[kind])}."
        raise Invalid(text, target="credentials/credentialsType")
    found = {}
    for name in CREDENTIALS[chosen]:
        value = given.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_SECRET_LENGTH:
            # Without the value, which is secret.
            text = f"Credentials of the kind {chosen} need {name}, a text of up to {MAX_SECRET_LENGTH:,} characters."
            raise Invalid(text, target=f"credentials/secrets/{wire_name(name)}")
        found[name] = value.strip()
    return ("" if chosen == "None" else chosen), found


def check_folder(text: str) -> pathlib.Path:
    """A folder below one that the administrator allows, with links followed."""
    roots = [pathlib.Path(root).resolve() for root in settings.DATASTORE_ROOTS]
    if not roots:
        raise Invalid(
            "No folder of the server is allowed. A site admin allows folders with DATASTORE_ROOTS.", target="folder"
        )
    if not text.startswith("/"):
        raise Invalid(f"{text[:200]!r} is not an absolute path.", target="folder")
    folder = pathlib.Path(text).resolve()
    if not any(folder == root or root in folder.parents for root in roots):
        # The message has no names of roots, and is the same if the folder does not exist.
        raise Invalid(f"{text[:200]!r} is not below a folder that the site admin allows.", target="folder")
    if not folder.is_dir():
        raise Invalid(f"There is no folder {text[:200]!r} on the server.", target="folder")
    return folder


def check_file(text: str) -> pathlib.Path:
    """A file of a folder that the administrator allows, with links followed."""
    path = pathlib.Path(text)
    file = check_folder(str(path.parent)) / path.name
    if file.is_symlink():
        file = check_folder(str(file.resolve().parent)) / file.resolve().name
    if not file.is_file():
        raise Invalid(f"There is no file {text[:200]!r} on the server.", target="file")
    return file


def wire_name(name: str, kind: str = "") -> str:
    if name == "container":
        return "fileShareName" if kind == "AzureFile" else "containerName"
    return names.wire_name(name.replace("_", " "))


def check_stored_path(path, target: str = "path") -> str:
    """Check the path of a file in a datastore; names that nobody can see are refused too."""
    text = names.check_text(path, "path", max_length=file_paths.MAX_PATH_LENGTH, target=target)
    return file_paths.check_path(text, target=target)
