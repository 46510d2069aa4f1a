"""The data sets that runs of experiments read, for MLflow's search box."""

from mlflow_api.errors import invalid_parameter
from mlflow_api.request import MlflowRequest
from runs.models.lineage import RunDataset

MAX_EXPERIMENTS = 20
MAX_RESULTS = 1000


def search(request: MlflowRequest) -> dict:
    ids = request.fields.texts("experiment_ids")
    if not ids:
        raise invalid_parameter("SearchDatasets request must specify at least one experiment_id.")
    if len(ids) > MAX_EXPERIMENTS:
        raise invalid_parameter(
            f"SearchDatasets request cannot specify more than {MAX_EXPERIMENTS} experiment_ids. Received {len(ids)}."
        )
    runs = request.runs().filter(experiment__in=request.experiments(), deleted_at=None)
    rows = RunDataset.objects.filter(run__in=runs.values("pk")).order_by("name", "digest")
    values = rows.values_list("run__experiment__experiment_id", "name", "digest", "context").distinct()[:MAX_RESULTS]
    names = ("experiment_id", "name", "digest", "context")
    found = [dict(zip(names, map(str, row), strict=True)) for row in values]
    return {"dataset_summaries": found} if found else {}
