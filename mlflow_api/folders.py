"""What files of runs and of logged models have in common over this wire: their paths, one level of a tree, a download."""

import re
from urllib.parse import unquote

from django.utils.http import content_disposition_header

from mlflow_api.errors import invalid
from runs.files import ranges

# A name that stands in a header as it is.
TOKEN = re.compile(r"[\w.+-]+", re.ASCII)
# MLflow's own files without an extension.
TEXTS = {"mlmodel", "mlproject"}
# How often a path may be quoted: each time costs a walk through all of it.
MAX_QUOTED = 10


def checked(path: str) -> str:
    """The path itself; refused if it could lead elsewhere, however often it is unquoted."""
    plain, before = path, None
    for _ in range(MAX_QUOTED):
        if plain == before:
            break
        before, plain = plain, unquote(plain)
    else:
        raise invalid("Invalid path")
    parts = plain.split("/")
    if (
        plain.startswith("/")
        or ".." in parts
        or "\\" in plain
        or re.match(r"[a-zA-Z][\w+.-]*:", plain)
        or "\0" in plain
    ):
        # MLflow's own words, which its clients and tests know.
        raise invalid("Invalid path")
    return path.strip("/")


def listed(rows, folder: str) -> list[dict]:
    """One level of a tree: from (path, size) of all that lies below `folder`."""
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


def as_download(response: ranges.Answer, content_type: str, path: str) -> ranges.Answer:
    """Always a download, under the file's own name, as MLflow answers."""
    name = path.rsplit("/", 1)[-1]
    response = ranges.set_safe_headers(response, content_type, path)
    if content_type == "text/plain" or name.lower() in TEXTS:
        response["Content-Type"] = "text/plain"
    plain = TOKEN.fullmatch(name)
    response["Content-Disposition"] = (
        f"attachment; filename={name}" if plain else content_disposition_header(True, name)
    )
    return response
