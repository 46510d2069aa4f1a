"""The entry script that a person writes or uploads on a page."""

import io
import pathlib
import uuid
import zipfile

from django.db.models import Q

from accounts.models import User
from endpoints import rules
from endpoints.models import Revision
from registry import version_files
from registry.models import ModelVersion
from runs.files import code_uploads, snapshots
from runs.models import Snapshot
from studio import storage

FILE_NAME = "score.py"
# Characters of a script that is written on the page; a longer one is uploaded.
MAX_SCRIPT = 100_000
# Bytes of a zip that may be that of a single script.
MAX_ZIP = 2 * MAX_SCRIPT
PICKLED = (".pkl", ".pickle", ".joblib")
# A file, because the server itself loads no pickled models.
TEMPLATE = (pathlib.Path(__file__).parent / "entry_script.txt").read_text()


def make_template(version: ModelVersion) -> str:
    """A script to begin with, which loads the model's pickled file."""
    files = version_files.files_of(version)
    if files is None:
        return TEMPLATE.format(path="model.pkl")
    pickled = Q()
    for ending in PICKLED:
        pickled |= Q(path__endswith=ending)
    row = files.rows.filter(pickled).order_by("path").first() or files.rows.order_by("path").first()
    path = files.relative(row.path) if row else "model.pkl"
    return TEMPLATE.format(path=path if files.is_file else f"{files.name or version.model.name}/{path}")


def read_only_script(revision: Revision) -> str:
    """The text of the entry script if its folder has no other file and it is short enough for a form; else empty."""
    if not 0 < revision.code_size <= MAX_ZIP:
        return ""
    with zipfile.ZipFile(io.BytesIO(storage.get_range(revision.code_key, 0, revision.code_size))) as files:
        [entry, *others] = files.infolist()
        if others or entry.filename != revision.entry_script or entry.file_size > MAX_SCRIPT:
            return ""
        return files.read(entry).decode("utf-8", "replace")


def store_script(version: ModelVersion, user: User, name: str, text: str, archive) -> Snapshot | None:
    """The code of a zip or, without one, of the written script; None if there is neither."""
    if archive is not None:
        snapshot, _ = code_uploads.store_code(version.workspace, user, archive.chunks())
        return snapshot
    if not text.strip():
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        # A fixed date: the same script is the same snapshot.
        files.writestr(zipfile.ZipInfo(rules.ENTRY_SCRIPT.check(name)), text.replace("\r\n", "\n"))
    return snapshots.store_snapshot(version.workspace, user, str(uuid.uuid4()), "", [packed.getvalue()])
