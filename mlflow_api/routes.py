"""The routes. Several methods of one URL are several lines."""

import re
from collections.abc import Callable

from mlflow_api import (
    datasets,
    experiments,
    files,
    logged_models,
    logging,
    metric_history,
    model_search,
    model_versions,
    multipart_uploads,
    registered_models,
    runs,
    search,
    tags,
)
from mlflow_api.errors import MlflowError

VERSION = "3.17.0"
PLAIN = {"version": VERSION, "health": "OK"}


def server_info(request) -> dict:
    return {"store_type": "RestStore", "multipart_uploads_enabled": True, "multipart_downloads_enabled": False}


EXPERIMENTS = {
    ("POST", "mlflow/experiments/create"): experiments.create,
    ("GET", "mlflow/experiments/get"): experiments.get,
    ("GET", "mlflow/experiments/get-by-name"): experiments.get_by_name,
    ("POST", "mlflow/experiments/search"): search.experiments,
    ("GET", "mlflow/experiments/search"): search.experiments,
    ("GET", "mlflow/experiments/list"): search.experiments,
    ("POST", "mlflow/experiments/search-datasets"): datasets.search,
    ("POST", "mlflow/experiments/update"): experiments.update,
    ("POST", "mlflow/experiments/delete"): experiments.delete,
    ("POST", "mlflow/experiments/restore"): experiments.restore,
    ("POST", "mlflow/experiments/set-experiment-tag"): experiments.set_tag,
    ("POST", "mlflow/experiments/delete-experiment-tag"): experiments.delete_tag,
}
RUNS = {
    ("POST", "mlflow/runs/create"): runs.create,
    ("GET", "mlflow/runs/get"): runs.get,
    ("POST", "mlflow/runs/update"): runs.update,
    ("POST", "mlflow/runs/delete"): runs.delete,
    ("POST", "mlflow/runs/restore"): runs.restore,
    ("POST", "mlflow/runs/search"): search.runs,
    ("POST", "mlflow/runs/set-tag"): tags.set_tag,
    ("POST", "mlflow/runs/delete-tag"): runs.delete_tag,
    ("POST", "mlflow/runs/log-metric"): logging.log_metric,
    ("POST", "mlflow/runs/log-parameter"): logging.log_parameter,
    ("POST", "mlflow/runs/log-batch"): logging.log_batch,
    ("POST", "mlflow/runs/log-model"): logging.log_model,
    ("POST", "mlflow/runs/log-inputs"): logging.log_inputs,
    ("POST", "mlflow/runs/outputs"): logging.log_outputs,
    ("GET", "mlflow/metrics/get-history"): metric_history.get,
    ("GET", "mlflow/metrics/get-history-bulk"): metric_history.read_bulk,
    ("GET", "mlflow/metrics/get-history-bulk-interval"): metric_history.read_bulk_interval,
}
FILES = {
    ("GET", "mlflow/artifacts/list"): files.list_of_run,
    ("GET", "mlflow/get-artifact"): files.get_artifact,
    ("GET", "get-artifact"): files.get_artifact,
    ("GET", "model-versions/get-artifact"): model_versions.get_artifact,
    ("POST", "mlflow/upload-artifact"): files.upload_by_page,
    ("GET", "mlflow-artifacts/artifacts"): files.list_proxied,
    ("GET", "mlflow/server-info"): server_info,
}
REGISTRY = {
    ("POST", "mlflow/registered-models/create"): registered_models.create,
    ("POST", "mlflow/registered-models/rename"): registered_models.rename,
    ("PATCH", "mlflow/registered-models/update"): registered_models.update,
    ("DELETE", "mlflow/registered-models/delete"): registered_models.delete,
    ("GET", "mlflow/registered-models/get"): registered_models.get,
    ("GET", "mlflow/registered-models/search"): registered_models.search,
    ("POST", "mlflow/registered-models/get-latest-versions"): registered_models.latest_versions,
    ("GET", "mlflow/registered-models/get-latest-versions"): registered_models.latest_versions,
    ("POST", "mlflow/registered-models/set-tag"): registered_models.set_tag,
    ("DELETE", "mlflow/registered-models/delete-tag"): registered_models.delete_tag,
    ("POST", "mlflow/registered-models/alias"): registered_models.set_alias,
    ("DELETE", "mlflow/registered-models/alias"): registered_models.delete_alias,
    ("GET", "mlflow/registered-models/alias"): registered_models.get_by_alias,
    ("POST", "mlflow/model-versions/create"): model_versions.create,
    ("PATCH", "mlflow/model-versions/update"): model_versions.update,
    ("POST", "mlflow/model-versions/transition-stage"): model_versions.transition,
    ("DELETE", "mlflow/model-versions/delete"): model_versions.delete,
    ("GET", "mlflow/model-versions/get"): model_versions.get,
    ("GET", "mlflow/model-versions/search"): model_versions.search,
    ("GET", "mlflow/model-versions/get-download-uri"): model_versions.download_uri,
    ("POST", "mlflow/model-versions/set-tag"): model_versions.set_tag,
    ("DELETE", "mlflow/model-versions/delete-tag"): model_versions.delete_tag,
    ("POST", "mlflow/logged-models"): logged_models.create,
    ("POST", "mlflow/logged-models/search"): model_search.search,
}
FIXED: dict[tuple[str, str], Callable] = REGISTRY | EXPERIMENTS | RUNS | FILES
# With parameters in the URL; tried in this order.
MODEL = r"mlflow/logged-models/(?P<model_id>[^/]+)"
PATTERNS: list[tuple[str, str, Callable]] = [
    ("GET", MODEL, logged_models.get),
    ("PATCH", MODEL, logged_models.finalize),
    ("DELETE", MODEL, logged_models.delete),
    ("PATCH", MODEL + r"/tags", logged_models.set_tags),
    ("DELETE", MODEL + r"/tags/(?P<key>.+)", logged_models.delete_tag),
    ("POST", MODEL + r"/params", logged_models.log_params),
    ("GET", MODEL + r"/artifacts/directories", logged_models.listing),
    ("GET", MODEL + r"/artifacts/files", logged_models.download),
    ("GET", r"mlflow-artifacts/artifacts/(?P<artifact>.+)", files.download),
    ("PUT", r"mlflow-artifacts/artifacts/(?P<artifact>.+)", files.upload),
    ("DELETE", r"mlflow-artifacts/artifacts/(?P<artifact>.+)", files.delete),
    ("POST", r"mlflow-artifacts/mpu/create/(?P<artifact>.+)", multipart_uploads.begin),
    ("POST", r"mlflow-artifacts/mpu/complete/(?P<artifact>.+)", multipart_uploads.end),
    ("POST", r"mlflow-artifacts/mpu/abort/(?P<artifact>.+)", multipart_uploads.abort),
    ("PUT", r"mlflow-artifacts/mpu/part/(?P<artifact>[^/]+/[^/]+/\d+)", multipart_uploads.put),
    ("GET", r"mlflow-artifacts/presigned/(?P<artifact>.+)", files.presigned),
]
# Routes whose bodies are bytes, not JSON.
OF_BYTES = {files.upload_by_page, files.upload, multipart_uploads.put, files.delete}
COMPILED = [(method, re.compile(pattern), verb) for method, pattern, verb in PATTERNS]
WORD = re.compile(r"\(\?P<(\w+)>(?:[^()[]|\[[^]]*\]|\\.)*\)")


def route_template(pattern: str) -> str:
    """`a/(?P<b>[^/]+)` as `a/{b}`."""
    return WORD.sub(r"{\1}", pattern)


def find_verb(method: str, route: str):
    """The view, the parameters of the URL, and the route as runs/run_tokens.py writes it."""
    method = "GET" if method == "HEAD" else method
    verb = FIXED.get((method, route))
    if verb:
        return verb, {}, route
    for wanted, pattern, verb in COMPILED:
        match = pattern.fullmatch(route) if wanted == method else None
        if match:
            return verb, match.groupdict(), route_template(pattern.pattern)
    raise _not_found(method, route)


def _not_found(method: str, route: str) -> MlflowError:
    others = {m for m, path in FIXED if path == route} | {m for m, pattern, _ in COMPILED if pattern.fullmatch(route)}
    if others:
        return MlflowError("BAD_REQUEST", f"Use {' or '.join(sorted(others))} at this address, not {method}.", 405)
    return MlflowError("ENDPOINT_NOT_FOUND", f"There is no '{route[:200]}' in this tracking server.")
