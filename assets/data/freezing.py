"""Frozen copies: the files of a version, or the rows of its query, are copied to a folder that does not change, and a
new version reads the copy."""

import hashlib
import pathlib
import tempfile
from collections.abc import Callable, Iterator

from accounts.actors import Actor
from assets.data import datasets, exports, manifests, previews, reading, stores
from assets.data.models import BLOB_STORE, Datastore, DataVersion
from assets.data.reading import SourceFile
from studio.errors import Invalid


def freeze_version(actor: Actor, version: DataVersion, on_progress: Callable[[float], None]) -> DataVersion:
    """Freeze a version; return the new one, whose files are in the workspace's own storage."""
    workspace, definition = version.workspace, version.definition
    if any("url" in path for path in definition["paths"]):
        raise Invalid("Files on the web cannot be frozen. Upload them to a datastore.", target="version")
    found = previews.list_sources(workspace, definition)
    if not found:
        raise Invalid("The paths do not match any files.", target="version")
    row = Datastore.objects.of(workspace).get(name=BLOB_STORE)
    row.workspace = workspace
    copy = _copy_rows if found[0].is_query else _copy_files
    fields = {
        "kind": definition["kind"],
        "definition": copy(version, found, stores.DatastoreFiles(row), on_progress),
        "description": version.description,
        "tags": version.tags,
        "properties": {**version.properties, "frozenFrom": version.version},
    }
    return datasets.register_dataset(actor, workspace, version.named_asset.name, datasets.AUTO, fields)[0]


def _copy_files(
    version: DataVersion, found: list[SourceFile], target: stores.DatastoreFiles, on_progress: Callable[[float], None]
) -> dict:
    """Copy the files; return the definition that reads the copy."""
    # Other files, such as those that were replaced since the last copy, get a folder of their own.
    base = f"{stores.FROZEN}/{version.dataset_id}/{manifests.digest_of(found)[:12]}"
    total, done = sum(source.size or 0 for source in found), 0

    def read(source: SourceFile) -> Iterator[bytes]:
        nonlocal done
        files = reading.open_files(version.workspace, source)
        for start in range(0, source.size or 0, stores.PART):
            yield files.read(source.path, start, min(stores.PART, (source.size or 0) - start))
            done += stores.PART
            on_progress(min(done / max(total, 1), 1.0))

    for source in found:
        target.write(f"{base}/{source.datastore}/{source.path}", read(source), overwrite=True, is_freezing=True)
    paths = [
        {"datastore": BLOB_STORE, "path": "/".join(part for part in (base, path["datastore"], path["path"]) if part)}
        for path in version.definition["paths"]
    ]
    return {**version.definition, "paths": paths}


def _copy_rows(
    version: DataVersion, found: list[SourceFile], target: stores.DatastoreFiles, on_progress: Callable[[float], None]
) -> dict:
    """Run the query and store its rows as a parquet file; return the definition that reads it."""
    query, *steps = version.definition["steps"]
    with tempfile.TemporaryDirectory(prefix="lazuli-freeze-") as folder:
        copies = reading.fetch_all(version.workspace, found, folder, True, on_progress)
        rows = pathlib.Path(folder) / "frozen.parquet"
        request = {"act": "export", "target": str(rows), "strict": False, "file_bytes": exports.MAX_BYTES}
        reading.read_copies({**version.definition, "steps": [query]}, copies, reading.FULL, on_progress, **request)
        with rows.open("rb") as file:
            # Other rows get a name of their own.
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
            path = f"{stores.FROZEN}/{version.dataset_id}/{found[0].datastore}/rows-{digest}.parquet"
            file.seek(0)
            target.write(path, iter(lambda: file.read(stores.PART), b""), overwrite=True, is_freezing=True)
    source = {"datastore": BLOB_STORE, "path": path}
    return {**version.definition, "paths": [source], "steps": [{"type": "read_parquet"}, *steps]}
