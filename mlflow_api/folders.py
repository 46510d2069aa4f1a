"""Paths, folder listings and downloads for all files of MLflow's API."""

import mimetypes
import posixpath
import re
from urllib.parse import unquote

from django.http import HttpRequest
from django.utils.http import content_disposition_header

from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from runs.files import ranges
from studio import storage

# The folder of an experiment: its id.
EXPERIMENT = r"(?:\d{1,31}|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})"
# A name that needs no encoding in a header.
TOKEN = re.compile(r"[\w.+-]+", re.ASCII)
# The extensions that MLflow's server serves as text, and its own files without an extension.
TEXTS = {
    "txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon", "toml", "yaml", "yml", "xml", "json", "js",
    "py", "py3", "csv", "tsv", "md", "rst", "mlmodel", "mlproject",
}  # fmt: skip
# How often a path may be percent-encoded: each time costs one pass over it.
MAX_QUOTED = 10


def check_relative_path(path: str) -> str:
    """The path without `.` parts; refused if it could lead outside, however often it is percent-decoded."""
    plain, before = path, None
    for _ in range(MAX_QUOTED):
        if plain == before:
            break
        before, plain = plain, unquote(plain)
    else:
        raise invalid_parameter("Invalid path")
    parts = plain.split("/")
    if (
        plain.startswith("/")
        or ".." in parts
        or "\\" in plain
        or re.match(r"[a-zA-Z][\w+.-]*:", plain)
        or "\0" in plain
    ):
        # MLflow's own message, which its clients and tests expect.
        raise invalid_parameter("Invalid path")
    path = posixpath.normpath(path).strip("/")
    return "" if path == "." else path


def checked_folder(path: str, root: str = "") -> str:
    """Check the path of a folder to list, in which `dir/..` is allowed as long as it stays below `root`."""
    start, mark, rest = path.partition(root) if root and root in path else ("", "", path)
    return check_relative_path(f"{start}{mark}{posixpath.normpath(rest)}" if rest else path)


def list_level(rows, folder: str) -> list[dict]:
    """One level of a tree, from (path, size) of all files below `folder`."""
    files: list[dict] = []
    folders: dict[str, None] = {}
    start = len(folder) + 1 if folder else 0
    for path, size in rows:
        name, slash, _ = path[start:].partition("/")
        if slash:
            folders[name] = None
        else:
            files.append({"path": name, "is_dir": False, "file_size": size})
    found = [{"path": name, "is_dir": True} for name in folders] + files
    return sorted(found, key=lambda item: item["path"])


def content_type_of(name: str) -> str:
    """The content type for the file name, as MLflow's server has it; the upload's header does not matter."""
    extension = posixpath.splitext(name)[1].lstrip(".") or name
    if extension.lower() in TEXTS:
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def no_file(path: str, *, is_folder: bool) -> MlflowError:
    """The error for a path without a file."""
    if is_folder:
        return invalid_parameter(f"'{path}' is a folder. Name a file in it.")
    return not_found(f"No such artifact: '{path[:200]}'")


def answer_object(http: HttpRequest, key: str, size: int, path: str) -> ranges.Answer:
    """An object of the storage; its name there changes with its content, and is the ETag."""

    def read(start: int, length: int):
        return storage.stream_object(key, start, length)

    return as_download(ranges.respond_with_range(http, size, key.rsplit("/", 1)[-1], read), path)


def as_download(response: ranges.Answer, path: str) -> ranges.Answer:
    """Always an attachment with the file's own name, as in MLflow."""
    name = path.rsplit("/", 1)[-1]
    content_type = content_type_of(name)
    response = ranges.set_safe_headers(response, content_type, path)
    response["Content-Type"] = content_type
    plain = TOKEN.fullmatch(name)
    response["Content-Disposition"] = (
        f"attachment; filename={name}" if plain else content_disposition_header(True, name)
    )
    return response
