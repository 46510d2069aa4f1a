"""The files of a version when it was registered, and what has changed since."""

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator

from django.http import Http404

from assets.data import encodings, previews, reading
from assets.data.models import DataVersion
from assets.data.reading import SourceFile
from assets.data.work import DataManifest
from studio.errors import Conflict, StudioError
from workspaces.models import Workspace

# Larger ones are compared only by size and etag.
MAX_HASHED_BYTES = 20 * 1024**3
BLOCK = 4 * 1024 * 1024
# Files of another encoding that are named.
MAX_PROBLEMS = 5


@dataclasses.dataclass(frozen=True)
class Changes:
    """Paths of the files that have changed."""

    added: list[str] = dataclasses.field(default_factory=list)
    changed: list[str] = dataclasses.field(default_factory=list)
    removed: list[str] = dataclasses.field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)

    @property
    def examples(self) -> list[tuple[str, str]]:
        words = (("changed", self.changed), ("added", self.added), ("removed", self.removed))
        return [(word, path) for word, paths in words for path in paths[:5]]


def record_manifest(version: DataVersion) -> DataManifest | None:
    """Store the manifest of a new version; not for files on the web and queries, nor while its datastore does not answer."""
    try:
        sources = previews.list_sources(version.workspace, version.definition)
    except previews.PROBLEMS:
        return None
    found = [source for source in sources if not source.url and not source.is_query]
    if not found:
        return None
    return DataManifest.objects.create(
        version=version,
        digest=digest_of(found),
        file_count=len(found),
        size=sum(source.size or 0 for source in found),
        packed=_pack([(source.datastore, source.path, source.size, source.etag, "") for source in found]),
    )


def digest_of(sources: list[SourceFile]) -> str:
    rows = sorted((source.datastore, source.path, source.size, source.etag or source.url) for source in sources)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _pack(entries: list[tuple]) -> bytes:
    return gzip.compress(json.dumps(entries, separators=(",", ":")).encode())


def read_entries(manifest: DataManifest) -> list[tuple]:
    return [tuple(entry) for entry in json.loads(gzip.decompress(bytes(manifest.packed)))]


def compare_sources(manifest: DataManifest, sources: list[SourceFile]) -> Changes:
    """The files that have changed since the version was registered."""
    if digest_of(sources) == manifest.digest:
        return Changes()
    before = {(entry[0], entry[1]): entry for entry in read_entries(manifest)}
    now = {(source.datastore, source.path): source for source in sources if not source.url}
    return Changes(
        added=[key[1] for key in now if key not in before],
        changed=[
            key[1] for key, source in now.items() if key in before and (source.size, source.etag) != before[key][2:4]
        ],
        removed=[key[1] for key in before if key not in now],
    )


def compare_manifests(before: DataManifest, after: DataManifest) -> Changes:
    """The files of one version that differ from those of another: by their hashes if both have them, otherwise by size
    and etag."""
    old, new = ({(entry[0], entry[1]): entry for entry in read_entries(one)} for one in (before, after))

    def differ(key: tuple) -> bool:
        first, second = old[key], new[key]
        return first[4] != second[4] if first[4] and second[4] else first[2:4] != second[2:4]

    return Changes(
        added=[key[1] for key in new if key not in old],
        changed=[key[1] for key in new if key in old and differ(key)],
        removed=[key[1] for key in old if key not in new],
    )


def add_hashes(manifest: DataManifest, on_progress: Callable[[float], None]) -> list[str]:
    """Add the hash of each unchanged file; files that were replaced meanwhile get none. Return where the first files of a
    table are not text of its encoding."""
    version = manifest.version
    if manifest.size > MAX_HASHED_BYTES:
        return []
    entries, done = [], 0
    problems: list[str] = []
    for datastore, path, size, etag, _ in read_entries(manifest):
        found, check = hashlib.sha256(), encodings.start_check(version.definition, path)
        try:
            for block in _read(version.workspace, SourceFile(path, size, datastore, etag=etag)):
                found.update(block)
                done += len(block)
                check.add(block)
                on_progress(done / max(manifest.size, 1))
        except (Http404, StudioError):
            # It was deleted or replaced, or its datastore does not answer.
            entries.append((datastore, path, size, etag, ""))
        else:
            entries.append((datastore, path, size, etag, found.hexdigest()))
            check.add(b"", is_last=True)
            problems += [check.problem] if check.problem and len(problems) < MAX_PROBLEMS else []
    manifest.packed, manifest.is_hashed = _pack(entries), True
    manifest.save(update_fields=["packed", "is_hashed"])
    return problems


def _read(workspace: Workspace, source: SourceFile) -> Iterator[bytes]:
    """Read the file; raises Conflict if it was replaced."""
    files = reading.open_files(workspace, source)
    if files.find(source.path).etag != source.etag:
        raise Conflict(f"{source.path} was replaced.")
    for start in range(0, source.size or 0, BLOCK):
        yield files.read(source.path, start, min(BLOCK, (source.size or 0) - start))
