"""The fields of each route. A view can read only these, with the declared types (mlflow_api/request_fields.py).

So the OpenAPI description, which is generated from this table (mlflow_api/openapi.py), is correct.
"""

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
from mlflow_api.request_fields import BOOLEAN, INTEGER, NUMBER, TEXT, TEXTS
from mlflow_api.routes import server_info

PAIR = {"key": TEXT, "value": TEXT}
# A list of objects is declared as a list with the fields of one.
PAIRS = [PAIR]
PAGE = {"max_results": INTEGER, "page_token": TEXT}
SEARCH = {**PAGE, "filter": TEXT, "order_by": TEXTS}
VIEW = {"view_type": TEXT, "run_view_type": TEXT}
EXPERIMENT = {"experiment_id": TEXT}
RUN = {"run_id": TEXT, "run_uuid": TEXT}
METRIC = {
    "key": TEXT, "value": NUMBER, "timestamp": INTEGER, "step": INTEGER, "model_id": TEXT, "dataset_name": TEXT, "dataset_digest": TEXT,
}  # fmt: skip
DATASET = dict.fromkeys(("name", "digest", "source_type", "source", "schema", "profile"), TEXT)
NAME, VERSION = {"name": TEXT}, {"name": TEXT, "version": TEXT}
UPLOAD = {"path": TEXT, "upload_id": TEXT}
NOTHING: dict = {}

FIELDS: dict[Callable, dict] = {
    experiments.create: {"name": TEXT, "artifact_location": TEXT, "tags": PAIRS},
    experiments.get: EXPERIMENT,
    experiments.get_by_name: {"experiment_name": TEXT},
    experiments.update: {**EXPERIMENT, "new_name": TEXT},
    experiments.delete: EXPERIMENT,
    experiments.restore: EXPERIMENT,
    experiments.set_tag: {**EXPERIMENT, **PAIR},
    experiments.delete_tag: {**EXPERIMENT, "key": TEXT},
    search.experiments: {**SEARCH, **VIEW},
    search.runs: {**SEARCH, **VIEW, "experiment_ids": TEXTS},
    datasets.search: {"experiment_ids": TEXTS},
    runs.create: {**EXPERIMENT, "run_name": TEXT, "user_id": TEXT, "start_time": INTEGER, "tags": PAIRS},
    runs.get: RUN,
    runs.update: {**RUN, "status": TEXT, "run_name": TEXT, "end_time": INTEGER},
    runs.delete: RUN,
    runs.restore: RUN,
    runs.delete_tag: {**RUN, "key": TEXT},
    tags.set_tag: {**RUN, **PAIR},
    logging.log_metric: {**RUN, **METRIC},
    logging.log_parameter: {**RUN, **PAIR},
    logging.log_batch: {**RUN, "metrics": [METRIC], "params": PAIRS, "tags": PAIRS},
    logging.log_model: {**RUN, "model_json": TEXT},
    logging.log_inputs: {**RUN, "datasets": [{"dataset": DATASET, "tags": PAIRS}], "models": [{"model_id": TEXT}]},
    logging.log_outputs: {**RUN, "models": [{"model_id": TEXT, "step": INTEGER}]},
    metric_history.get: {**RUN, **PAGE, "metric_key": TEXT},
    metric_history.read_bulk: {"run_id": TEXTS, "run_ids": TEXTS, "metric_key": TEXT, "max_results": INTEGER},
    metric_history.read_bulk_interval: {
        "run_ids": TEXTS, "metric_key": TEXT, "max_results": INTEGER, "start_step": INTEGER, "end_step": INTEGER,
    },
    files.list_of_run: {**RUN, "path": TEXT},
    files.get_artifact: {**RUN, "path": TEXT},
    files.upload_by_page: NOTHING,
    files.list_proxied: {"path": TEXT},
    files.download: NOTHING,
    files.upload: NOTHING,
    files.delete: NOTHING,
    files.presigned: NOTHING,
    multipart_uploads.begin: {"path": TEXT, "num_parts": INTEGER},
    multipart_uploads.end: {**UPLOAD, "parts": [{"etag": TEXT, "part_number": INTEGER}]},
    multipart_uploads.abort: UPLOAD,
    multipart_uploads.put: NOTHING,
    server_info: NOTHING,
    registered_models.create: {"name": TEXT, "description": TEXT, "tags": PAIRS},
    registered_models.rename: {"name": TEXT, "new_name": TEXT},
    registered_models.update: {"name": TEXT, "description": TEXT},
    registered_models.delete: NAME,
    registered_models.get: NAME,
    registered_models.search: SEARCH,
    registered_models.latest_versions: {"name": TEXT, "stages": TEXTS},
    registered_models.set_tag: {"name": TEXT, **PAIR},
    registered_models.delete_tag: {"name": TEXT, "key": TEXT},
    registered_models.set_alias: {**VERSION, "alias": TEXT},
    registered_models.delete_alias: {"name": TEXT, "alias": TEXT},
    registered_models.get_by_alias: {"name": TEXT, "alias": TEXT},
    model_versions.create: {
        "name": TEXT, "source": TEXT, "run_id": TEXT, "run_link": TEXT, "model_id": TEXT, "description": TEXT, "tags": PAIRS,
    },
    model_versions.update: {**VERSION, "description": TEXT},
    model_versions.transition: {**VERSION, "stage": TEXT, "archive_existing_versions": BOOLEAN},
    model_versions.delete: VERSION,
    model_versions.get: VERSION,
    model_versions.search: SEARCH,
    model_versions.download_uri: VERSION,
    model_versions.set_tag: {**VERSION, **PAIR},
    model_versions.delete_tag: {**VERSION, "key": TEXT},
    model_versions.get_artifact: {**VERSION, "path": TEXT},
    logged_models.create: {
        **EXPERIMENT, "name": TEXT, "source_run_id": TEXT, "model_type": TEXT, "params": PAIRS, "tags": PAIRS,
    },
    logged_models.get: NOTHING,
    logged_models.finalize: {"status": TEXT},
    logged_models.delete: NOTHING,
    logged_models.set_tags: {"tags": PAIRS},
    logged_models.delete_tag: NOTHING,
    logged_models.log_params: {"params": PAIRS},
    logged_models.listing: {"artifact_directory_path": TEXT},
    logged_models.download: {"artifact_file_path": TEXT},
    model_search.search: {
        **PAGE, "filter": TEXT, "experiment_ids": TEXTS,
        "datasets": [{"dataset_name": TEXT, "dataset_digest": TEXT}],
        "order_by": [{"field_name": TEXT, "ascending": BOOLEAN, "dataset_name": TEXT, "dataset_digest": TEXT}],
    },
}  # fmt: skip
