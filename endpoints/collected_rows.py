"""Collected rows as a data asset: a CSV file for each day, which is replaced while rows of the day arrive.

The files are where Azure ML puts them: modeldata/SUBSCRIPTION/GROUP/WORKSPACE/SERVICE/MODEL/VERSION/DESIGNATION/YEAR/MONTH/DAY/data.csv.
"""

import csv
import datetime as dt
import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from assets.data import datasets, stores
from assets.data.models import BLOB_STORE, Datastore, DataVersion
from endpoints.collected_models import CollectedRows
from endpoints.models import Endpoint
from studio import storage
from studio.errors import StudioError

logger = logging.getLogger(__name__)
# Records of a day and an endpoint that are stored; the later ones are left out.
MAX_DAY = 50_000
# Versions of data assets that the tab Data lists.
MAX_LISTED = 100
# The columns that Azure ML adds.
OWN_COLUMNS = ["$aml_dc_correlation_id", "$aml_dc_scoring_timestamp"]
# The properties of a data asset's version with the endpoint that collects it, and the version of the model.
OWNER, MODEL = "collectedBy", "collectedModel"
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
GROUP = ("endpoint", "model", "version", "designation", "day")


def store_rows() -> None:
    """Write the files of the days that have new rows, and forget rows of days that are over and stored."""
    rows = CollectedRows.objects.annotate(day=TruncDate("at", tzinfo=dt.UTC))
    for group in rows.filter(is_stored=False).order_by().values(*GROUP).distinct():
        endpoint = Endpoint.objects.select_related("workspace__resource_group", "created_by").get(pk=group["endpoint"])
        try:
            _store_day(endpoint, rows.filter(**group), group)
        except (StudioError, storage.Error, OSError) as error:
            # It is tried again with the next task.
            logger.warning("The collected rows of %s could not be stored: %s", endpoint.name, error)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    CollectedRows.objects.filter(is_stored=True, at__lt=midnight).delete()


def _store_day(endpoint: Endpoint, rows, group: dict) -> None:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MAX_DAY + 1])
    if len(keys) > MAX_DAY:
        rows.filter(pk__gte=keys.pop()).delete()
    store = Datastore.objects.of(endpoint.workspace).select_related("workspace").get(name=BLOB_STORE)
    files, folder = stores.DatastoreFiles(store), find_folder(endpoint, group)
    path = f"{folder}/{group['day']:%Y/%m/%d}/data.csv"
    files.write(path, _write_csv(rows.order_by("pk")), overwrite=True)
    rows.filter(pk__lte=keys[-1]).update(is_stored=True)
    if endpoint.created_by:
        _register_asset(endpoint, endpoint.created_by, group, folder)


def _register_asset(endpoint: Endpoint, user: User, group: dict, folder: str) -> None:
    """Register the files as a data asset, unless a version of it has them."""
    paths = [{"datastore": BLOB_STORE, "path": f"{folder}/**"}]
    definition = {"kind": "tabular", "paths": paths, "steps": [{"type": "read_delimited"}]}
    name = "-".join(_make_safe(part) for part in (endpoint.name, group["model"], group["designation"]))[:200]
    rows = DataVersion.objects.filter(asset__workspace=endpoint.workspace, asset__name=name)
    if not rows.filter(digest=datasets.digest_json(definition)).exists():
        model = f"{group['model']}:{group['version']}"
        words = f"Rows that {endpoint.name} collected of {model}, {group['designation']}; a file for each day."
        fields = {"kind": "tabular", "definition": definition, "description": words}
        fields["properties"] = {OWNER: endpoint.name, MODEL: model}
        datasets.register_dataset(Actor(user), endpoint.workspace, name, datasets.AUTO, fields)


def list_collected(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The versions of data assets with the rows that the endpoint or its versions collected, one for each version of a
    model; the newest of an asset first."""
    names = {endpoint.name, *endpoint.versions.values_list("name", flat=True)}
    rows = DataVersion.objects.filter(asset__workspace=endpoint.workspace, properties__has_key=OWNER)
    rows = rows.select_related("asset__workspace").order_by("asset__name", "-pk")
    return [{"data": row, "model": row.properties.get(MODEL, "")} for row in rows if row.properties[OWNER] in names][
        :MAX_LISTED
    ]


def find_folder(endpoint: Endpoint, group: dict) -> str:
    workspace = endpoint.workspace
    owner = [*workspace.arm_id.split("/")[2:5:2], workspace.name]
    parts = [*owner, endpoint.name, group["model"], group["version"], group["designation"]]
    return "/".join(["modeldata", *(_make_safe(part) for part in parts)])


def _make_safe(text: str) -> str:
    """The text as a name of a folder."""
    return UNSAFE.sub("-", text).strip(".-") or "default"


def _write_csv(rows) -> Iterator[bytes]:
    """The file in pieces. Columns that a record lacks are empty; all columns come first."""
    names: dict[str, None] = {}
    for columns in rows.order_by().values_list("columns", flat=True).distinct():
        names.update(dict.fromkeys(columns))
    header = [*OWN_COLUMNS, *names]
    yield _encode([header])
    for record in rows.iterator(chunk_size=500):
        own = [record.request_id, record.at.isoformat()]
        values = (dict(zip(record.columns, row, strict=False)) for row in record.rows)
        yield _encode([[*own, *(value.get(name, "") for name in names)] for value in values])


def _encode(lines: list[list]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
