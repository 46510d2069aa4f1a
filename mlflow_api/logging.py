"""Logging of metrics, params, batches, data sets and models."""

import json

from django.db import transaction

from mlflow_api import logged_models, messages, tags, validation
from mlflow_api.errors import MlflowError, invalid_parameter
from mlflow_api.request import MlflowRequest
from mlflow_api.request_fields import INT64, Fields, shorten
from mlflow_api.run_lookup import find_run
from registry.models import RunModel
from runs import metrics
from runs.metrics.batches import Group
from runs.models import Run
from runs.models.lineage import RunDataset
from runs.models.runs import ParameterChanged
from studio.database import begin_write
from studio.errors import Invalid
from studio.formats import read_json

HISTORY = "mlflow.log-model.history"
CONTEXT = "mlflow.data.context"
# The year 9999, in ms.
LATEST = 253_402_300_800_000
# Key, value, time in ms, step.
Point = tuple[str, float, int, int]


def log_metric(request: MlflowRequest) -> dict:
    point = _read_point(request.fields.data)
    run = find_run(request, request.run_id())
    with begin_write():
        run.lock()
        _store_points(run, [point])
    _add_metrics_to_models(request, [request.fields.data])
    return {}


def log_parameter(request: MlflowRequest) -> dict:
    run_id, key = request.run_id(), request.fields.text("key", empty=True)
    value = request.fields.text("value", empty=True)
    run = find_run(request, run_id)
    with begin_write():
        run.lock()
        _store_params(run, [(key, value)])
    return {}


def log_batch(request: MlflowRequest) -> dict:
    fields = request.fields
    run_id = request.run_id()
    items = [item.data for item in fields.objects("metrics")]
    points = _read_points(items)
    params, given = fields.pairs("params"), fields.pairs("tags")
    validation.check_batch(len(points), len(params), len(given))
    _check_keys("params", params, "Parameter")
    _check_keys("tags", given, "Tag")
    _check_params(params)
    run = find_run(request, run_id)
    with begin_write():
        run.lock()
        if params:
            _store_params(run, params)
        if points:
            _store_points(run, points)
            _add_metrics_to_models(request, items)
        if given:
            tags.store_tags(request, run, dict(given))
    return {}


def _read_points(items: list[dict]) -> list[Point]:
    points = []
    try:
        for item in items:
            points.append(_read_point(item))
    except MlflowError as error:
        message = _add_position(error, f"metrics[{len(points)}]").message
        raise invalid_parameter(
            f"Invalid value {shorten(items)} for parameter 'metrics' supplied: {message}"
        ) from error
    return points


def _add_position(error: MlflowError, position: str) -> MlflowError:
    """The same error, with the index of the wrong item."""
    return MlflowError(error.code, error.message.replace("parameter '", f"parameter '{position}.", 1))


def _check_keys(name: str, pairs: list[tuple[str, str]], what: str) -> None:
    for position, (key, _) in enumerate(pairs):
        try:
            validation.check_key(key, what)
        except MlflowError as error:
            raise _add_position(error, f"{name}[{position}]") from error


def _read_point(item: dict) -> Point:
    """Most points are valid and there are many: only invalid ones are checked field by field."""
    key, value, at, step = item.get("key"), item.get("value"), item.get("timestamp"), item.get("step", 0)
    plain = type(key) is str and type(at) is int and type(step) is int and 0 <= at < LATEST and -INT64 <= step < INT64
    if not plain or type(value) is not float:
        key, value, at, step = _checked_point(Fields(item))
    return validation.check_key(key, "Metric"), value, at, step  # type: ignore[return-value]  # As `plain` has found.


def _checked_point(fields: Fields) -> Point:
    key, value, at = fields.text("key", empty=True), fields.number("value"), fields.integer("timestamp")
    if not 0 <= at < LATEST:
        raise invalid_parameter(
            f"Invalid value {at} for parameter 'timestamp' supplied: it must be a non-negative time in ms."
        )
    return key, value, at, fields.integer("step", 0)


def _store_points(run: Run, points: list[Point]) -> None:
    groups: dict[str, Group] = {}
    for key, value, at, step in points:
        group = groups.get(key) or groups.setdefault(key, Group("scalar", [], [], [], "float"))
        group.steps.append(step)
        group.times.append(at)
        group.values.append(value)
    try:
        metrics.store_locked(run, groups, once=True)
    except Invalid as error:
        raise invalid_parameter(error.message) from error


def _add_metrics_to_models(request: MlflowRequest, items: list[dict]) -> None:
    """Metrics may belong to a logged model too."""
    points = []
    for item in [Fields(item) for item in items if "model_id" in item or "modelId" in item]:
        model_id = item.text("model_id", "")
        names = {name: item.text(name, "") for name in ("dataset_name", "dataset_digest")}
        point = {"key": item.text("key"), "value": messages.encode_number(item.number("value"))}
        point |= {"timestamp": item.integer("timestamp"), "step": item.integer("step", 0)}
        if model_id:
            points.append((model_id, point | {name: value for name, value in names.items() if value}))
    if points:
        logged_models.add_metrics_to_models(request, request.run_id(), points)


def _check_params(params: list[tuple[str, str]]) -> None:
    seen = set()
    for key, value in params:
        validation.check_key(key, "Parameter")
        validation.check_value(value, f"Param value of '{key}'")
        if key in seen:
            raise invalid_parameter(
                f"Duplicate parameter keys have been submitted: {key}. Please ensure the request contains only one param value per param key."
            )
        seen.add(key)


def _store_params(run: Run, params: list[tuple[str, str]]) -> None:
    _check_params(params)
    given = dict(params)
    try:
        run.insert_parameters(given)
    except ParameterChanged as error:
        key, value = next(iter(error.was.items()))
        raise invalid_parameter(
            f"Changing param values is not allowed. Param with key='{key}' was already logged with value="
            f"'{value}' for run ID='{run.run_id}'. Attempted logging new value '{given[key]}'."
        ) from error


def log_model(request: MlflowRequest) -> dict:
    """MLflow 2's clients: a model among the run's files is recorded in a tag."""
    run = request.open_run()
    try:
        model = json.loads(request.fields.text("model_json"))
    except (ValueError, RecursionError) as error:
        raise invalid_parameter(f"Malformed model info. The model is not JSON: {error}") from error
    absent = [
        name
        for name in ("artifact_path", "flavors", "utc_time_created", "run_id")
        if not isinstance(model, dict) or name not in model
    ]
    if absent:
        raise invalid_parameter(f"Model json is missing mandatory fields: {', '.join(absent)}")
    run.change_tag(HISTORY, lambda value: json.dumps([*read_json(value, []), model]))
    return {}


def log_inputs(request: MlflowRequest) -> dict:
    run = request.open_run()
    rows = [_read_dataset(run, item) for item in request.fields.objects("datasets")]
    if not rows and "models" not in request.fields:
        raise invalid_parameter("Missing value for required parameter 'datasets'. Name at least one data set or model.")
    models = [(item.text("model_id"), 0) for item in request.fields.objects("models")]
    with transaction.atomic():
        RunDataset.objects.add(rows)
        _link_models(run, models, made=False)
    return {}


def _read_dataset(run: Run, item: Fields) -> RunDataset:
    described = item.object("dataset")
    given = dict(item.pairs("tags"))
    row = RunDataset(
        run=run,
        name=validation.check_value(
            validation.check_visible_name(described.text("name"), "Dataset name"), "Dataset name", 500
        ),
        digest=validation.check_value(described.text("digest"), "Dataset digest", 36),
        context=validation.check_value(given.get(CONTEXT, ""), "Dataset context", 500),
        tags={
            validation.check_key(key, "Input tag"): validation.check_value(value, "Input tag value")
            for key, value in given.items()
        },
    )
    for name, max_length in (("source_type", 1000), ("source", 65_535), ("schema", 1_048_575), ("profile", 16_777_215)):
        setattr(row, name, validation.check_value(described.text(name, ""), f"Dataset {name}", max_length))
    return row


def log_outputs(request: MlflowRequest) -> dict:
    run = request.open_run()
    models = [(item.text("model_id"), item.integer("step", 0)) for item in request.fields.objects("models")]
    if not models:
        raise MlflowError("INVALID_PARAMETER_VALUE", "Missing value for required parameter 'models'.")
    _link_models(run, models, made=True)
    return {}


def _link_models(run: Run, models: list[tuple[str, int]], *, made: bool) -> None:
    steps = [(validation.check_value(key, "Model id", 64), step) for key, step in models]
    RunModel.objects.link(run, steps, made=made)
