"""The processor time and memory of the replicas of an endpoint, measured by the agents of their machines."""

import datetime as dt
from itertools import groupby

from django.utils import timezone

from compute import monitoring
from compute.models import Assignment, Samples
from endpoints.models import Endpoint, Replica
from runs.pages.monitoring.charts import MonitoringCard, build_cards

SHOWN = dt.timedelta(hours=1)
# The replicas that have a line.
MAX_LINES = 12
# GPUs are assigned to machines and jobs; their pages show them.
MEASURED = {"at", "cpu", "memory"}


def list_replicas(endpoint: Endpoint) -> dict[str, Replica]:
    """The replicas that should run, by the name of their line."""
    served = endpoint.versions.all() if endpoint.has_versions else [endpoint]
    found = {}
    for each in served:
        version = f"{each.name.rpartition('.')[2]}, " if each.parent_id else ""
        for replica in each.current.present_replicas if each.current else []:
            found[f"{version}replica {replica.number}"] = replica
    return dict(list(found.items())[:MAX_LINES])


def draw_use(endpoint: Endpoint) -> list[MonitoringCard]:
    """A chart of each quantity with a line for each replica. Agents send their samples at once meanwhile."""
    names = {replica.work_id: name for name, replica in list_replicas(endpoint).items()}
    held = Assignment.objects.current().filter(work__in=names, node__host__isnull=False)
    monitoring.note_watched(one.node.host for one in held.select_related("node__host"))
    rows = Samples.objects.filter(work__in=names, begins_at__gt=timezone.now() - SHOWN).order_by("work")
    lines = {}
    for work_id, samples in groupby(rows, key=lambda row: row.work_id):
        columns = monitoring.read_columns(samples)
        lines[names[work_id]] = {name: values for name, values in columns.items() if name in MEASURED}
    return build_cards(dict(sorted(lines.items())), {})
