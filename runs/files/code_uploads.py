"""Code that a person uploads from a page. The SDK's rules select its files: ignore file, and names of secrets."""

import dataclasses
import io
import re
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterable

from lazuli.errors import UserErrorException
from lazuli.runs.ignore_rules import IGNORE_FILES, IgnoreRules
from lazuli.runs.secret_files import SecretFiles

from accounts.models import User
from runs.files import snapshots
from runs.models import Snapshot
from studio.errors import Invalid
from workspaces.models import Workspace

# The limits of a folder whose files are listed before they are sent.
MAX_LISTED = 20_000
MAX_IGNORE_LENGTH = 100_000
MAX_NAMED = 20
MAX_PATH_LENGTH = 2_000
# Seconds of processor time: each path is matched with each pattern.
MAX_SECONDS = 3
# The results for a path.
TAKEN, IGNORED, SECRET = "", "ignored", "secret"


@dataclasses.dataclass
class UploadSelection:
    """`included` are positions in the list of paths; `secrets` are left out by their names, `ignored` by the ignore file."""

    included: list[int]
    ignored: int
    secrets: list[str]
    ignore_file: str

    def describe(self) -> str:
        """Describe the left-out files as a sentence; empty without any."""
        parts = [f"{self.ignored} by {self.ignore_file}"] if self.ignored else []
        if self.secrets:
            named = ", ".join(self.secrets[:MAX_NAMED]) + ("…" if len(self.secrets) > MAX_NAMED else "")
            parts.append(f"{named}, because their names look like those of secrets")
        return f"Left out: {'; '.join(parts)}." if parts else ""


def check_paths(paths) -> list[str]:
    """The paths of a folder's files, as a browser lists them."""
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise Invalid("`paths` is a list of texts.", target="paths")
    if len(paths) > MAX_LISTED:
        text = f"The folder has {len(paths):,} files; {MAX_LISTED:,} can be looked through. Choose a smaller folder."
        raise Invalid(text, target="paths")
    return paths


def read_rules(text: str, file_name: str) -> IgnoreRules:
    if file_name not in IGNORE_FILES:
        raise Invalid(
            f"{file_name[:60]!r} is not an ignore file; there are {' and '.join(IGNORE_FILES)}.", target="ignore"
        )
    if len(text) > MAX_IGNORE_LENGTH:
        raise Invalid(f"{file_name} has more than {MAX_IGNORE_LENGTH:,} characters.", target="ignore")
    try:
        return IgnoreRules(text, file_name)
    except UserErrorException as error:
        raise Invalid(error.message, target="ignore") from error


def select_files(paths: list[str], rules: IgnoreRules) -> UploadSelection:
    """Select the files of a folder to upload, by the rules of `lazuli.runs.ignore_rules.walk_included` for a folder on a disk."""
    longest = max(map(len, paths), default=0)
    if longest > MAX_PATH_LENGTH:
        raise Invalid(f"A path has {longest:,} characters; {MAX_PATH_LENGTH:,} are allowed.", target="paths")
    secrets = SecretFiles(rules)
    must_end_by = time.thread_time() + MAX_SECONDS
    reasons = {"": TAKEN}

    def find_reason(path: str, is_folder: bool) -> str:
        if time.thread_time() > must_end_by:
            text = f"{rules.file_name} has too many patterns for {len(paths):,} files. Write fewer, or choose a smaller folder."
            raise Invalid(text, target="ignore")
        if rules.ignores(path, is_folder):
            return IGNORED
        return SECRET if secrets.excludes(path, is_folder) else TAKEN

    def find_reason_of_folder(folder: str) -> str:
        # From the top down, since a path may have any depth.
        above = ""
        for end in [*(found.start() for found in re.finditer("/", folder)), len(folder)] if folder else []:
            inner = folder[:end]
            if inner not in reasons:
                reasons[inner] = reasons[above] or find_reason(inner, True)
            above = inner
        return reasons[folder]

    found = [find_reason_of_folder(path.rpartition("/")[0]) or find_reason(path, False) for path in paths]
    included = [number for number, reason in enumerate(found) if reason == TAKEN]
    return UploadSelection(included, found.count(IGNORED), secrets.excluded, rules.file_name)


def store_code(
    workspace: Workspace, user: User, chunks: Iterable[bytes], is_rooted: bool = False
) -> tuple[Snapshot, UploadSelection]:
    """Store a zip as a snapshot, as the SDK's uploads are, without what the SDK would have left out.

    A zip of a folder may have that folder around all files; then the snapshot's paths begin below it, unless `is_rooted`.
    """
    with (
        tempfile.SpooledTemporaryFile(snapshots.SPOOL) as given,
        tempfile.SpooledTemporaryFile(snapshots.SPOOL) as kept,
    ):
        for chunk in chunks:
            given.write(chunk)
        # Before anything is unpacked: names, links and the size of it all.
        snapshots.read_manifest(given)
        selection = _copy_included(given, kept, is_rooted)
        kept.seek(0)
        blocks = iter(lambda: kept.read(snapshots.BLOCK), b"")
        return snapshots.store_snapshot(workspace, user, str(uuid.uuid4()), "", blocks), selection


def _copy_included(given, kept, is_rooted: bool) -> UploadSelection:
    given.seek(0)
    with zipfile.ZipFile(given) as source, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as target:
        entries = [entry for entry in source.infolist() if not entry.is_dir()]
        start = 0 if is_rooted else len(common_folder([entry.filename for entry in entries]))
        paths = [entry.filename[start:] for entry in entries]
        selection = select_files(paths, _rules_inside(source, dict(zip(paths, entries, strict=True))))
        for number in selection.included:
            entry = zipfile.ZipInfo(paths[number], entries[number].date_time)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, entries[number].external_attr
            with source.open(entries[number]) as content, target.open(entry, "w") as packed:
                while block := content.read(snapshots.BLOCK):
                    packed.write(block)
    if not selection.included:
        raise Invalid(f"The upload has no file that can be used. {selection.describe()}".strip(), target="archive")
    return selection


def common_folder(paths: list[str]) -> str:
    """The folder, with a slash, in which all of them are; empty if there is none."""
    first = paths[0].partition("/")[0] + "/" if paths else ""
    return first if paths and all(path.startswith(first) for path in paths) else ""


def _rules_inside(source: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> IgnoreRules:
    for name in IGNORE_FILES:
        if name in entries:
            with source.open(entries[name]) as content:
                text = io.TextIOWrapper(content, "utf-8-sig", errors="replace").read(MAX_IGNORE_LENGTH + 1)
            return read_rules(text, name)
    return IgnoreRules()
