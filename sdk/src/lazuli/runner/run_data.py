"""The data of a run: inputs are downloaded before its script starts, outputs stored when it has ended, all through the
server."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional, Tuple

from lazuli.client import Client
from lazuli.data import datasets, datastores, sources, transfer
from lazuli.data.errors import DatasetExecutionError
from lazuli.data.mounts import MountFolder
from lazuli.data.node_cache import READ_ONLY, NodeCache
from lazuli.runner.spec import Spec
from lazuli.runs.glob_patterns import Glob
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]
MODES = "AZUREML_DATASET_ENVIRONMENT_VARS"
OUTPUTS = "AZUREML_DATASET_FILE_OUTPUTS"
LINKS, LINK_FILE = "AZUREML_DATASET_LINK_OUTPUTS", "dataset-id.txt"
DEFAULT_PATH = "dataset/{run-id}/{output-name}"


class RunData:
    """`variables` are for the script, `texts` replace the names of inputs and outputs in its arguments."""

    def __init__(self, spec: Spec, folder: str, transport: Any = None):
        self._spec = spec
        self._folder = folder
        ids = spec.workspace
        client = Client(spec.server_url, spec.token, transport=transport)
        given = (client, ids["subscription_id"], ids["resource_group"], ids["workspace_name"])
        self._workspace = WorkspaceClient(*given)
        self.variables: Dict[str, str] = {}
        self.texts: Dict[str, str] = {}
        # One for each input, for the log.
        self.lines: List[str] = []
        self._outputs: List[Tuple[Json, str]] = []
        self._cache = NodeCache.from_environment(os.environ)
        self._mounts: Optional[MountFolder] = None
        self.default_datastore: Optional[str] = None

    @property
    def is_empty(self) -> bool:
        return not (self._spec.inputs or self._spec.outputs)

    @property
    def linked_folders(self) -> List[str]:
        """The folders that the script must be able to read, and not to change."""
        return [self._mounts.path] if self._mounts else []

    def close(self) -> None:
        if self._mounts:
            self._mounts.close()
            self._mounts = None

    def fetch_inputs(self) -> None:
        """Raises DatasetExecutionError or one of lazuli.errors, naming the input."""
        modes = []
        for item in self._spec.inputs:
            try:
                value = item["dataset_id"] if item["mode"] == "direct" else self._fetch(item)
            except DatasetExecutionError as error:
                raise DatasetExecutionError(f"The input {item['name']}: {error.message}") from error
            if "dataset_id" in item:
                modes.append(f"{item['name']}:{item['mode']}")
                self.texts[f"DatasetConsumptionConfig:{item['name']}"] = value
            else:
                self.texts[f"$AZUREML_DATAREFERENCE_{item['name']}"] = value
                self.variables[f"AZUREML_DATAREFERENCE_{item['name']}"] = value
            self.variables[item["variable"]] = self.variables[item["name"]] = value
        if modes:
            self.variables[MODES] = ",".join(modes)

    def _fetch(self, item: Json) -> str:
        """The folder with the files, or the file of a dataset that is one file."""
        definition = self._definition_of(item)
        found = sources.find_sources(self._workspace, definition)
        folder = self._local_folder("inputs", item)
        started = time.monotonic()
        paths, note = self._mount(found, folder) if item["mode"] == "mount" else self._download(found, folder)
        seconds = max(time.monotonic() - started, 0.001)
        size = sum(os.path.getsize(path) for path in paths)
        value = paths[0] if _is_one_file(definition, found) else folder
        files = f"{len(paths)} file{'' if len(paths) == 1 else 's'}, {size / 1e6:.1f} MB"
        speed = f"{size / 1e6 / seconds:.0f} MB/s"
        self.lines.append(f"{item['name']} -> {value} ({files}, {item['mode']}, {speed}{note})")
        return value

    def _download(self, found: List[sources.Source], folder: str) -> Tuple[List[str], str]:
        """The paths of the files, and where they came from."""
        paths, cached = self._cache.download_sources(self._workspace, found, folder)
        return paths, ", from the cache of this node" if cached else ""

    def _mount(self, found: List[sources.Source], folder: str) -> Tuple[List[str], str]:
        """The same with files that the script cannot change: links where that is safe, otherwise copies."""
        self._mounts = self._mounts or self._cache.make_mount_folder(os.environ)
        # Another input of this name has files there already.
        if self._mounts and not os.path.islink(folder) and not os.listdir(folder):
            return self._link(found, folder, self._mounts.add_folder())
        paths, note = self._download(found, folder)
        for path in paths:
            os.chmod(path, READ_ONLY)
        return paths, note

    def _link(self, found: List[sources.Source], folder: str, linked: str) -> Tuple[List[str], str]:
        """Make the folder of the run a link to the one with the links, which its script can only read."""
        paths, count = self._cache.link_sources(self._workspace, found, linked, os.environ)
        os.rmdir(folder)
        os.symlink(linked, folder)
        note = f", {count} of them links to files of this node" if count else ""
        return [os.path.join(folder, os.path.relpath(path, linked)) for path in paths], note

    def _definition_of(self, item: Json) -> Json:
        if "dataset_id" in item:
            found: Json = datasets.get_dataset(self._workspace, item["dataset_id"])["properties"]["definition"]
            return found
        return {"kind": "file", "paths": [{"datastore": item["datastore"], "path": item["path"]}], "steps": []}

    def _local_folder(self, kind: str, item: Json) -> str:
        """Always in the run's own folder: a path of the node would be outside its fence."""
        wanted = str(item.get("path_on_compute") or "").replace("\\", "/")
        parts = [part for part in wanted.split("/") if part not in ("", ".", "..")]
        folder = os.path.join(self._folder, kind, item["name"], *parts[-5:])
        os.makedirs(folder, exist_ok=True)
        return folder

    def make_outputs(self) -> None:
        for item in self._spec.outputs:
            folder = self._local_folder("outputs", item)
            self._outputs.append((item, folder))
            self.texts[f"DatasetOutputConfig:{item['name']}"] = folder
            self.variables[item["name"]] = folder
        if self._outputs:
            self.variables[OUTPUTS] = ";".join(item["name"] for item, _ in self._outputs)
        if links := [item["name"] for item, _ in self._outputs if item["mode"] == "link"]:
            self.variables[LINKS] = ";".join(links)

    def replace_texts(self, text: str) -> str:
        # A name may be the beginning of another.
        for name in sorted(self.texts, key=len, reverse=True):
            text = text.replace(name, self.texts[name])
        return text

    def store_outputs(self, succeeded: bool) -> None:
        """Store outputs; mounted ones also of a failed script. Only outputs of a successful script are registered."""
        for item, folder in self._outputs:
            if item["mode"] == "link":
                if succeeded and item["registration"]:
                    self._register_link(item, folder)
                continue
            if item["mode"] == "upload" and not succeeded:
                continue
            datastore, path = self._path_of(item)
            pairs = [(local, f"{path}/{inside}") for local, inside in _list_files(folder, item["globs"])]
            transfer.upload_files(
                self._workspace, datastore, pairs, overwrite=item["overwrite"] or item["mode"] == "mount"
            )
            if item["registration"] and succeeded:
                self._register(item, datastore, path)

    def _path_of(self, item: Json) -> Tuple[str, str]:
        if item["datastore"] is None and self.default_datastore is None:
            self.default_datastore = datastores.get_default(self._workspace)["name"]
        path = (item["path"] or DEFAULT_PATH).replace("{run-id}", self._spec.run_id)
        return item["datastore"] or str(self.default_datastore), path.replace("{output-name}", item["name"])

    def _register_link(self, item: Json, folder: str) -> None:
        """Register the dataset whose id the script has left; without one there is nothing to register."""
        path = os.path.join(folder, LINK_FILE)
        if not os.path.isfile(path) or os.path.islink(path):
            return
        with open(path, encoding="utf-8") as file:
            dataset_id = file.read(1000).strip()
        given = item["registration"]
        definition = datasets.get_dataset(self._workspace, dataset_id)["properties"]["definition"]
        fields = {"description": given.get("description"), "tags": given.get("tags")}
        datasets.register_dataset(self._workspace, given["name"], definition, True, **fields)

    def _register(self, item: Json, datastore: str, path: str) -> None:
        given = item["registration"]
        more = (given.get("datasetRegistrationOptions") or {}).get("additionalTransformation") or {}
        steps = more.get("steps") or []
        inside = f"{path}/{more['glob'].strip('/')}" if more.get("glob") else path
        paths = [{"datastore": datastore, "path": inside}]
        definition = {"kind": "tabular" if steps else "file", "paths": paths, "steps": steps}
        if steps:
            definition = datasets.add_inferred_types(self._workspace, definition)
        fields = {"description": given.get("description"), "tags": given.get("tags")}
        datasets.register_dataset(self._workspace, given["name"], definition, True, **fields)


def _is_one_file(definition: Json, found: List[sources.Source]) -> bool:
    paths = definition["paths"]
    return len(paths) == 1 and len(found) == 1 and ("url" in paths[0] or paths[0]["path"] == found[0].remote.path)


def _list_files(folder: str, globs: List[str]) -> List[Tuple[str, str]]:
    found, inside_folder = [], os.path.realpath(folder) + os.sep
    patterns = [Glob(pattern, anchored="/" in pattern) for pattern in globs]
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(where, name)
            inside = os.path.relpath(path, folder).replace(os.sep, "/")
            # A link of the script may lead to a file that it could not read itself.
            is_ours = os.path.isfile(path) and os.path.realpath(path).startswith(inside_folder)
            if is_ours and (not patterns or any(pattern.matches(inside) for pattern in patterns)):
                found.append((path, inside))
    return found
