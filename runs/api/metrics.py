"""The API of metrics."""

from django.conf import settings
from django.http import Http404, HttpRequest
from ninja import Path, Router

from runs import metrics
from runs.api import access, resources
from runs.models import MetricSeries, Run
from studio import api, numbers, request_body
from studio.errors import TooLarge
from studio.schemas import described_body, list_of
from workspaces.workspace_path import WorkspacePath

router = Router(tags=["metrics"])


@router.post(
    "/runs/{run_id}/metrics",
    response=resources.MetricsAccepted,
    summary="Store a batch of metrics, all or none of them",
    openapi_extra=described_body(resources.MetricBatch),
)
def metric_write(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    max_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if numbers.parse_int(request.META.get("CONTENT_LENGTH") or "0", "Content-Length") > max_bytes:
        raise TooLarge(f"A batch has at most {max_bytes // 2**20} MiB. Send it in parts.")
    run = access.find_writable(request, workspace_path, run_id)
    access.check_open(request.auth, run)
    batch = request_body.read_body(request)
    return resources.MetricsAccepted(
        accepted=metrics.store_batch(run, batch.get("batchId") or "", batch.get("metrics", []))
    )


@router.get(
    "/runs/{run_id}/metrics", response=list_of(resources.MetricSeries), summary="Get all values of a run's metrics"
)
def metric_list(
    request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, name: str = "", recursive: bool = False
):
    run = access.find_readable(request, workspace_path, run_id)
    below = [row.pk for row in run.family()] if recursive else [run.pk]
    family = dict(Run.objects.visible_to(request.auth).filter(pk__in=below).values_list("pk", "run_id"))
    found = MetricSeries.objects.filter(run__in=family)
    if name:
        found = found.filter(name=name)

    def describe(row: MetricSeries) -> resources.MetricSeries:
        return resources.MetricSeries.of(row, family[row.run_id], metrics.read_sdk_values(row))

    return api.paginate(request, found, resources.MetricSeries, describe)


@router.get(
    "/runs/{run_id}/metrics/points",
    response=resources.MetricPoints,
    summary="Get the points of one metric from position `after` on",
)
def metric_points(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, name: str, after: int = 0):
    row = _series(access.find_readable(request, workspace_path, run_id), name)
    steps, times, values = metrics.read_points(row, max(after, 0))
    values = values if isinstance(values, list) else values.tolist()
    return resources.MetricPoints(
        name=row.name,
        count=row.count,
        steps=steps.tolist(),
        times=times.tolist(),
        values=metrics.encode_non_finite(values),
    )


def _series(run: Run, name: str) -> MetricSeries:
    found = MetricSeries.objects.filter(run=run, name=name).first()
    if found is None:
        raise Http404(f"The run {run.run_id} has no metric {name!r}.")
    return found
