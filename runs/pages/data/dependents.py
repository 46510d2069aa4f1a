"""The uses of a version of data, shown before it is removed. Apps add theirs to PROVIDERS."""

import dataclasses
from collections.abc import Callable, Iterable

from assets.data.models import DataVersion
from assets.data.stores import FROZEN
from runs.job_data import SOURCE_TYPE
from runs.models import Run, RunDataset

MAX_SHOWN = 100


@dataclasses.dataclass(frozen=True)
class Dependent:
    what: str
    why: str
    url: str = ""


# A version -> what uses it, at most MAX_SHOWN.
PROVIDERS: list[Callable[[DataVersion], Iterable[Dependent]]] = []


def find_dependents(version: DataVersion) -> list[Dependent]:
    found = [*_of_itself(version), *_list_jobs(version)]
    for provider in PROVIDERS:
        found += provider(version)
    return found


def _of_itself(version: DataVersion) -> list[Dependent]:
    asset = version.named_asset
    newest = list(asset.versions.all()[:2])
    found = []
    if newest[0].pk == version.pk:
        other = newest[1] if len(newest) > 1 else None
        why = f"It then means version {other.version}." if other else "Nothing is left of this name."
        found.append(Dependent(f"The newest version of {asset.name}", why, asset.get_absolute_url()))
    if version.definition["paths"][0].get("path", "").startswith(f"{FROZEN}/"):
        found.append(Dependent("The frozen copy", "Its files can then be replaced and deleted."))
    return found


def _list_jobs(version: DataVersion) -> list[Dependent]:
    links = RunDataset.objects.filter(digest=str(version.dataset_id), source_type=SOURCE_TYPE)
    rows = Run.objects.filter(workspace=version.workspace, deleted_at=None, pk__in=links.values("run"))
    why = "It still finds this version by its id, but not by its name."
    rows = rows.select_related("workspace").order_by("-created_at", "-pk")[:MAX_SHOWN]
    return [Dependent(f"Job {run.display_name}", why, run.get_absolute_url()) for run in rows]
