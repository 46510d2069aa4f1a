"""`lazuli datastore …`: datastores of a workspace and their files, by the commands of version 1 of `az ml datastore`.

Keys and passwords are never arguments, because the list of processes would show them.
"""

from __future__ import annotations

import os
import posixpath
from argparse import ArgumentParser, Namespace
from typing import Any, Dict, List, Tuple

from lazuli.cli.output import Answer
from lazuli.cli.parser import CommandGroup, UsageError, add_yes_argument, confirm_deletion, read_secret_value
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.data import datastores, transfer
from lazuli.runs.files import list_folder_files

Json = Dict[str, Any]
COLUMNS = ("name", "kind", "address", "isDefault", "credentials", "createdBy")
FILE_COLUMNS = ("path", "size", "modified")
# Option, key of the request, help.
ACCOUNT = ("--account-name", "accountName", "the storage account")
CONTAINER = ("--container-name", "containerName", "the container")
SERVER = [("--server-name", "serverName", "the host"), ("--database-name", "databaseName", "the database")]
USER = ("--user-id", "userId", "an account that may only read")
# Each kind: its command, its help, its required options, the credentials and the name of its secret.
KINDS = {
    "AzureBlob": ("attach-blob", "a container of Azure Blob Storage", [ACCOUNT, CONTAINER], "AccountKey", "key"),
    "AzureFile": (
        "attach-file",
        "a file share of Azure",
        [ACCOUNT, ("--share-name", "fileShareName", "the file share")],
        "AccountKey",
        "key",
    ),
    "AzureDataLakeGen2": (
        "attach-adls-gen2",
        "a file system of Azure Data Lake Storage Gen2",
        [
            ACCOUNT,
            ("--file-system", "filesystem", "the file system"),
            ("--tenant-id", "tenantId", "of the service principal"),
            ("--client-id", "clientId", "of the service principal"),
        ],
        "ServicePrincipal",
        "clientSecret",
    ),
    "S3": (
        "attach-s3",
        "a bucket of S3 or of a store like it",
        [("--bucket-name", "containerName", "the bucket"), ("--access-key-id", "accessKeyId", "of the access key")],
        "AccessKey",
        "secretAccessKey",
    ),
    "AzurePostgreSql": ("attach-psqldb", "a PostgreSQL database", [*SERVER, USER], "Password", "userPassword"),
    "AzureMySql": ("attach-mysqldb", "a MySQL or MariaDB database", [*SERVER, USER], "Password", "userPassword"),
    "Folder": ("attach-folder", "a folder of the server", [("--folder", "folder", "its absolute path")], "None", ""),
    "Sqlite": ("attach-sqlite", "a SQLite file of the server", [("--file", "file", "its absolute path")], "None", ""),
}
EXAMPLES = {
    "AzureBlob": "-n images --account-name store --container-name images --secret-file key.txt",
    "AzureFile": "-n team --account-name store --share-name team --secret-file key.txt",
    "AzureDataLakeGen2": "-n lake --account-name store --file-system raw --tenant-id T --client-id C --secret-file -",
    "S3": "-n bucket --bucket-name data --access-key-id K --endpoint https://s3.example.com",
    "AzurePostgreSql": "-n people --server-name db.example.com --database-name hr --user-id reader",
    "AzureMySql": "-n people --server-name db.example.com --database-name hr --user-id reader",
    "Folder": "-n shared --folder /data/shared",
    "Sqlite": "-n people --file /data/shared/people.sqlite3",
}
# Settings that a kind may have.
OPTIONAL = {
    "AzureBlob": ("endpoint",),
    "AzureFile": ("endpoint",),
    "AzureDataLakeGen2": ("endpoint",),
    "S3": ("endpoint", "region", "prefix"),
    "AzurePostgreSql": ("endpoint", "port"),
    "AzureMySql": ("endpoint", "port"),
}
CREDENTIALS = ("tenantId", "clientId", "userId")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("datastore", "Datastores, and the files in them.")
    add_workspace_arguments(group.add_command("list", list_all, "List the datastores.", ""))
    for kind, (name, text, given, _, secret) in KINDS.items():
        parser = group.add_command(name, attach, f"Register {text}.", EXAMPLES[kind])
        _add_attach_arguments(parser, kind, given, bool(secret))
    for name, act, text, is_named in (
        ("show", show, "Show a datastore, without its credentials.", True),
        ("show-default", show_default, "Show the default datastore.", False),
        ("set-default", set_default, "Make a datastore the default one.", True),
        ("test", test_one, "Test the connection of a datastore.", True),
        ("detach", detach, "Remove a datastore; its files stay where they are.", True),
    ):
        parser = group.add_command(name, act, text, "-n images" if is_named else "")
        if is_named:
            parser.add_argument("-n", "--name", required=True, help="name of the datastore")
        if act is detach:
            add_yes_argument(parser)
        add_workspace_arguments(parser)
    _add_file_commands(group)


def _add_attach_arguments(parser: ArgumentParser, kind: str, given: List[Tuple[str, str, str]], secret: bool) -> None:
    parser.add_argument("-n", "--name", required=True, help="name of the datastore")
    for option, key, text in given:
        # A bucket may be public.
        word = option[2:].upper().replace("-", "_")
        parser.add_argument(option, dest=key, metavar=word, required=key != "accessKeyId", help=text)
    for name in OPTIONAL.get(kind, ()):
        parser.add_argument(f"--{name}", help="default: all of it" if name == "prefix" else "default: the usual one")
    if secret:
        parser.add_argument(
            "--secret-file", metavar="PATH", help="read its key or password from this file; - reads standard input"
        )
    if kind in ("AzureBlob", "AzureFile"):
        parser.add_argument("--sas", action="store_true", help="the secret is a shared access signature")
    if kind in ("AzureBlob", "S3"):
        parser.add_argument("--public", action="store_true", help="the store is public: there is no secret")
    parser.add_argument("--overwrite", action="store_true", help="replace the datastore of this name")
    parser.add_argument("--skip-validation", action="store_true", help="do not test the connection first")
    add_workspace_arguments(parser)
    parser.set_defaults(kind=kind)


def _add_file_commands(group: CommandGroup) -> None:
    parser = group.add_command("files", list_files, "List the files of a datastore.", "\n-n images --prefix in/")
    parser.add_argument("--prefix", default="", help="only files whose path begins with this")
    _add_file_arguments(parser)
    parser = group.add_command(
        "upload", upload, "Upload a file or a folder.", "-p data/diabetes.csv --target-path diabetes-data\n-p ./images"
    )
    parser.add_argument("-p", "--src-path", required=True, metavar="PATH", help="a local file or folder")
    parser.add_argument("-u", "--target-path", default="", metavar="PATH", help="the folder in the datastore")
    parser.add_argument("--overwrite", action="store_true", help="replace files of the same name")
    _add_file_arguments(parser)
    parser = group.add_command(
        "download", download, "Download files, with their whole path.", "-d copy --prefix diabetes-data/"
    )
    parser.add_argument("-d", "--target-path", required=True, metavar="FOLDER", help="the local folder")
    parser.add_argument("--prefix", default="", help="only files whose path begins with this")
    parser.add_argument("--overwrite", action="store_true", help="replace local files")
    _add_file_arguments(parser)


def _add_file_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--name", help="name of the datastore (default: the default one)")
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    return Answer([_to_row(item) for item in datastores.list_datastores(find_workspace(options))], COLUMNS)


def attach(options: Namespace) -> Answer:
    given = {key: getattr(options, key) for _, key, _ in KINDS[options.kind][2]}
    given.update((name, getattr(options, name)) for name in OPTIONAL.get(options.kind, ()))
    credentials = {name: given.pop(name) for name in CREDENTIALS if name in given}
    properties = {
        "datastoreType": options.kind,
        **{name: value for name, value in given.items() if value and name != "accessKeyId"},
        "credentials": {**credentials, **_read_credentials(options)},
    }
    made = datastores.register_datastore(
        find_workspace(options), options.name, properties, options.overwrite, options.skip_validation
    )
    return Answer(_to_row(made), COLUMNS)


def _read_credentials(options: Namespace) -> Json:
    kind, secret = KINDS[options.kind][3:]
    if getattr(options, "public", False) or not secret:
        return {"credentialsType": "None"}
    secrets = {}
    if options.kind == "S3":
        if not options.accessKeyId:
            raise UsageError("give --access-key-id, or --public for a public bucket")
        secrets["accessKeyId"] = options.accessKeyId
    if getattr(options, "sas", False):
        kind, secret = "Sas", "sasToken"
    secrets[secret] = read_secret_value(options.secret_file, "--secret-file")
    return {"credentialsType": kind, "secrets": secrets}


def show(options: Namespace) -> Answer:
    return Answer(_to_row(datastores.get_datastore(find_workspace(options), options.name)), COLUMNS)


def show_default(options: Namespace) -> Answer:
    return Answer(_to_row(datastores.get_default(find_workspace(options))), COLUMNS)


def set_default(options: Namespace) -> Answer:
    return Answer(_to_row(datastores.set_default(find_workspace(options), options.name)), COLUMNS)


def test_one(options: Namespace) -> Answer:
    datastores.test_datastore(find_workspace(options), options.name)
    return Answer({"name": options.name, "state": "answers"}, ("name", "state"))


def detach(options: Namespace) -> None:
    workspace = find_workspace(options)
    name = datastores.get_datastore(workspace, options.name)["name"]
    confirm_deletion(options, "datastore", name)
    datastores.delete_datastore(workspace, name)


# ---- files


def list_files(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    found = datastores.list_files(workspace, _name_of(workspace, options), options.prefix)
    return Answer([{"path": file.path, "size": file.size, "modified": file.modified} for file in found], FILE_COLUMNS)


def upload(options: Namespace) -> Answer:
    workspace, source = find_workspace(options), os.path.abspath(os.path.expanduser(options.src_path))
    if not os.path.exists(source):
        raise UsageError(f"{options.src_path!r} does not exist")
    name, target = _name_of(workspace, options), options.target_path.replace("\\", "/").strip("/")
    if os.path.isdir(source):
        pairs = [(local, path) for path, local in list_folder_files(target, source)]
    else:
        pairs = [(source, posixpath.join(target, os.path.basename(source)))]
    done = transfer.upload_files(workspace, name, pairs, overwrite=options.overwrite)
    row = {"datastore": name, "path": target, "uploaded": done, "skipped": len(pairs) - done}
    return Answer(row, ("datastore", "path", "uploaded", "skipped"))


def download(options: Namespace) -> Answer:
    workspace, folder = find_workspace(options), os.path.abspath(os.path.expanduser(options.target_path))
    name = _name_of(workspace, options)
    files = list(datastores.list_files(workspace, name, options.prefix))
    pairs = [(file, datastores.local_path(folder, file.path)) for file in files]
    transfer.download_files(workspace, pairs, overwrite=options.overwrite, keep=True)
    row = {"datastore": name, "path": folder, "files": len(pairs)}
    return Answer(row, ("datastore", "path", "files"))


def _name_of(workspace: Any, options: Namespace) -> str:
    return str(options.name or datastores.get_default(workspace)["name"])


def _to_row(resource: Json) -> Json:
    found = resource["properties"]
    names = ("folder", "file", "serverName", "containerName", "fileShareName", "filesystem")
    address = next((found[name] for name in names if found.get(name)), "")
    kinds = {"credentials": found["credentials"]["credentialsType"], "address": address}
    return {"name": resource["name"], "id": resource["id"], **found, **kinds, **resource["systemData"]}
