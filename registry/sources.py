"""The location of a version's files: parses the URIs of clients, and finds the run, version or folder that they
name."""

import dataclasses
import re
import uuid
from urllib.parse import unquote

from studio.errors import Invalid

MAX_LENGTH = 2000
# The folder of the workspace's own files in which uploads of models are, as in Azure.
UPLOADS = "LocalUpload"
RUN_ID = r"(?P<run>[\w.-]+)"
PATH = r"(?:/(?P<path>[^?#]*))?"
# In the order in which they are tried.
RUN_PATTERNS = [
    re.compile(rf"(?i:runs):/+{RUN_ID}{PATH}"),
    re.compile(rf"(?i:azureml)://jobs/{RUN_ID}/outputs/(?:artifacts|default)(?:/paths)?{PATH}"),
    re.compile(rf"(?i:azureml)://.*/paths/ExperimentRun/dcid\.{RUN_ID}{PATH}"),
    re.compile(rf"(?i:aml)://artifacts?/(?:ExperimentRun/)?dcid\.{RUN_ID}{PATH}"),
    re.compile(rf"(?i:mlflow-artifacts):(?://[^/]*)?/+[\w-]+/(?!models(?:/|$)){RUN_ID}/artifacts{PATH}"),
]
WORKSPACE_PATTERNS = [
    re.compile(r"(?i:azureml)://(?:subscriptions/.*/)?datastores/workspaceartifactstore/paths/(?P<path>[^?#]+)"),
    re.compile(r"(?i:aml)://artifacts?/(?P<path>[^?#]+)"),
    re.compile(r"(?i:mlflow-artifacts):(?://[^/]*)?/+(?P<path>[^?#]+)"),
]
DATASTORE = re.compile(r"(?i:azureml)://(?:subscriptions/.*/)?datastores/(?P<name>[\w-]+)/paths/(?P<path>[^?#]+)")
VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<number>\d{1,10})")
# An asset id of Azure's v2, of this workspace.
ASSET = re.compile(r"azureml:(?P<name>[^/:@]+):(?P<number>\d{1,10})")
REMOTE = re.compile(r"[a-zA-Z][\w+.-]*:/")


def new_upload_folder() -> str:
    """The folder for the files of one upload, among the workspace's own files."""
    return f"{UPLOADS}/{uuid.uuid4().hex}"


def find_upload_folder(path: str) -> str:
    """The folder of the upload to which a file of the workspace belongs."""
    return "/".join(path.split("/")[:2])


def is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder or in it; the empty folder has all."""
    return not folder or path == folder or path.startswith(f"{folder}/")


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """`kind` is run, workspace, datastore, version or elsewhere; `path` is a file or folder there."""

    kind: str
    path: str = ""
    run_id: str = ""
    name: str = ""
    number: int = 0


def parse_source(uri: str) -> ModelSource:
    for pattern in RUN_PATTERNS:
        if match := pattern.fullmatch(uri):
            return ModelSource("run", (match["path"] or "").strip("/"), run_id=match["run"])
    for pattern in (VERSION, ASSET):
        if match := pattern.fullmatch(uri):
            return ModelSource("version", name=match["name"], number=int(match["number"]))
    for pattern in WORKSPACE_PATTERNS:
        if match := pattern.fullmatch(uri):
            return ModelSource("workspace", match["path"].strip("/"))
    if match := DATASTORE.fullmatch(uri):
        return ModelSource("datastore", match["path"].strip("/"), name=match["name"])
    return ModelSource("elsewhere")


def check_source(uri) -> str:
    """A URI that names something of this workspace or of another server, never a path of the server itself."""
    if not isinstance(uri, str) or not uri:
        raise _wrong(uri, "it is empty")
    if len(uri) > MAX_LENGTH:
        raise _wrong(uri, f"it has {len(uri)} characters, {MAX_LENGTH} are allowed")
    if not (REMOTE.match(uri) or ASSET.fullmatch(uri)) or uri.lower().startswith("file:"):
        raise _wrong(uri, "it is a path on a machine; upload the files, or name those of a job")
    plain = unquote(unquote(uri))
    if ".." in re.split(r"[/\\]", plain) or "\0" in plain:
        raise _wrong(uri, "it contains ..")
    if "?" in uri or "#" in uri:
        raise _wrong(uri, "it has a query or a fragment")
    return uri


def _wrong(uri, why: str) -> Invalid:
    return Invalid(
        f"{str(uri)[:200]!r} does not say where the files of a model are: {why}. Write "
        "azureml://jobs/JOB/outputs/artifacts/paths/PATH, runs:/JOB/PATH or azureml:MODEL:VERSION.",
        target="modelUri",
    )
