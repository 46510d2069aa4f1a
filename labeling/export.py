"""The labels of a project as a version of a data asset."""

import csv
import datetime as dt
import io
import uuid
from collections.abc import Iterator

from accounts import activity
from accounts.actors import Actor
from assets.data import datasets, stores
from assets.data.models import BLOB_STORE, Datastore, DataVersion
from labeling.models import LabelingItem, LabelingProject
from labeling.rules import EXPORT_ENDING
from studio.errors import Conflict

FOLDER = "labeling"
BLOCK = 1000


def export_labels(actor: Actor, project: LabelingProject) -> DataVersion:
    """Write the labeled items to a new file, and register it as a table with the columns image_url or text, label and
    label_confidence."""
    rows = project.items.filter(state=LabelingItem.State.LABELED).order_by("number")
    if not rows.exists():
        raise Conflict(f"{project.name} has no labeled items yet.")
    store = Datastore.objects.of(project.workspace).get(name=BLOB_STORE)
    store.workspace = project.workspace
    path = f"{FOLDER}/{project.pk}/{dt.datetime.now(dt.UTC):%Y-%m-%d}_{uuid.uuid4().hex[:8]}/labels.csv"
    stores.DatastoreFiles(store).write(path, _write_lines(project, rows))
    first = "image_url" if project.kind == LabelingProject.Kind.IMAGE else "text"
    types = {first: {"type": "string"}, "label": {"type": "string"}, "label_confidence": {"type": "float"}}
    reader = {"type": "read_delimited", "separator": ",", "header": 3, "encoding": "utf8", "column_types": types}
    fields = {
        "kind": "tabular",
        "definition": {"kind": "tabular", "paths": [{"datastore": BLOB_STORE, "path": path}], "steps": [reader]},
        "description": f"Labels of the project {project.name}, for {project.version}.",
        "tags": {"labelingProject": project.name},
    }
    made = datasets.register_dataset(actor, project.workspace, project.name + EXPORT_ENDING, datasets.AUTO, fields)[0]
    activity.record(
        "labeling.export", project, actor=actor, scope=project.workspace, changes={"version": ["", str(made)]}
    )
    return made


def _write_lines(project: LabelingProject, rows) -> Iterator[bytes]:
    is_image = project.kind == LabelingProject.Kind.IMAGE
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["image_url" if is_image else "text", "label", "label_confidence"])
    for count, item in enumerate(rows.iterator(chunk_size=BLOCK), 1):
        content = item.address if is_image else item.text
        writer.writerow([content, item.label, round(item.confidence or 0, 4)])
        if count % BLOCK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
