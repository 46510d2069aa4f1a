"""Which data sets the runs of experiments read, for MLflow's search box."""

from mlflow_api.errors import invalid
from mlflow_api.request import Call
from runs.models.lineage import RunDataset

MOST_EXPERIMENTS = 20
MOST = 1000


def search(call: Call) -> dict:
    ids = call.fields.texts("experiment_ids")
    if not ids:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(ids) > MOST_EXPERIMENTS:
        raise invalid(
            f"SearchDatasets request cannot specify more than {MOST_EXPERIMENTS} experiment_ids. Received {len(ids)}."
        )
    runs = call.runs().filter(experiment__in=call.experiments(), deleted_at=None)
    rows = RunDataset.objects.filter(run__in=runs.values("pk")).order_by("name", "digest")
    rows = rows.values_list("run__experiment__experiment_id", "name", "digest", "context").distinct()[:MOST]
    names = ("experiment_id", "name", "digest", "context")
    found = [dict(zip(names, map(str, row), strict=True)) for row in rows]
    return {"dataset_summaries": found} if found else {}
