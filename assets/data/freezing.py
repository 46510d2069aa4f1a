"""Frozen copies: the files of a version are copied to a folder that does not change, and a new version reads the
copy."""

from collections.abc import Callable, Iterator

from accounts.actors import Actor
from assets.data import datasets, previews, reading, stores
from assets.data.models import BLOB_STORE, Datastore, DataVersion
from assets.data.reading import SourceFile
from studio.errors import Invalid

FOLDER = "frozen"


def freeze_version(actor: Actor, version: DataVersion, on_progress: Callable[[float], None]) -> DataVersion:
    """Freeze a version; return the new one. Its files are in the workspace's own storage, in a folder with the id of
    the frozen version."""
    workspace, definition = version.workspace, version.definition
    if any("url" in path for path in definition["paths"]):
        raise Invalid("Files on the web cannot be frozen. Upload them to a datastore.", target="version")
    found = previews.list_sources(workspace, definition)
    if not found:
        raise Invalid("The paths do not match any files.", target="version")
    row = Datastore.objects.of(workspace).get(name=BLOB_STORE)
    row.workspace = workspace
    target, base = stores.DatastoreFiles(row), f"{FOLDER}/{version.dataset_id}"
    total, done = sum(source.size or 0 for source in found), 0

    def read(source: SourceFile) -> Iterator[bytes]:
        nonlocal done
        files = reading.open_files(workspace, source)
        for start in range(0, source.size or 0, stores.PART):
            yield files.read(source.path, start, min(stores.PART, (source.size or 0) - start))
            done += stores.PART
            on_progress(min(done / max(total, 1), 1.0))

    for source in found:
        target.write(f"{base}/{source.datastore}/{source.path}", read(source), overwrite=True)
    paths = [
        {"datastore": BLOB_STORE, "path": "/".join(part for part in (base, path["datastore"], path["path"]) if part)}
        for path in definition["paths"]
    ]
    fields = {
        "kind": definition["kind"],
        "definition": {**definition, "paths": paths},
        "description": version.description,
        "tags": version.tags,
        "properties": {**version.properties, "frozenFrom": version.version},
    }
    return datasets.register_dataset(actor, workspace, version.named_asset.name, datasets.AUTO, fields)[0]
