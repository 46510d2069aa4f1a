"""The metric by which the runs of an experiment are judged: chosen by a person or for everybody, otherwise the primary
metric of a sweep. The best child of a parent: runs/pages/children/views.py."""

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict

from runs.metric_order import NO_OBJECTIVE, Objective
from runs.models import Experiment, Run, SavedView
from studio.errors import Invalid
from studio.formats import read_json

SWEEPS = ["azureml.HyperDrive", "hyperdrive", "sweep", "Sweep"]
NEWEST = 200
FIELDS = ("pk", "run_type", "root", "root__run_type")
GOALS = {"maximize": "higher", "minimize": "lower"}


def parse_objective(word: str) -> Objective:
    """Parse `higher:accuracy` or `lower:loss`, as the URL of a list has it; NO_OBJECTIVE if it is empty."""
    if not word:
        return NO_OBJECTIVE
    better, colon, name = word.partition(":")
    if better not in GOALS.values() or not colon or not 0 < len(name) <= 256:
        raise Invalid(f"primary={word[:80]!r}: write higher:METRIC or lower:METRIC.", target="primary")
    return Objective(name, better)


def find_objective(experiment: Experiment, user) -> Objective:
    """The objective for pages without a list, from this person's layout of the experiment's list."""
    layout = SavedView.objects.of_list(experiment.workspace_id, experiment).find_layout(user)
    chosen = parse_objective(QueryDict(layout.query).get("primary", "")) if layout else NO_OBJECTIVE
    if chosen.name:
        return chosen
    newest = experiment.runs.filter(deleted_at=None).order_by("-created_at", "-pk")
    return objective_among(newest.values_list(*FIELDS)[:NEWEST])


def objective_among(newest: Iterable[tuple]) -> Objective:
    """The objective of the newest sweep among these runs, given by FIELDS, and their roots."""
    kinds: dict[int, str] = {}
    for pk, run_type, root, root_type in newest:
        kinds |= {pk: run_type, root or pk: root_type or run_type}
    keys = [pk for pk, run_type in kinds.items() if run_type in SWEEPS]
    sweeps = Run.objects.filter(pk__in=keys).order_by("-created_at", "-pk") if keys else []
    return next(filter(lambda found: found.name, map(objective_of_sweep, sweeps)), NO_OBJECTIVE)


def objective_of_sweep(run: Run) -> Objective:
    """The objective in the properties of SDK v1, or in the job of Azure's REST."""
    written = _as_dict(run.properties.get("primary_metric_config"))
    name, goal = written.get("name"), written.get("goal")
    if not name:
        objective = _as_dict(_as_dict(run.job.get("properties", run.job)).get("objective"))
        name, goal = objective.get("primaryMetric"), objective.get("goal")
    better = GOALS.get(str(goal).lower(), "")
    return Objective(name, better) if isinstance(name, str) and name and better else NO_OBJECTIVE


def _as_dict(value: Any) -> dict:
    """A dict, also one that is written as JSON; an empty one of anything else."""
    if isinstance(value, str):
        return read_json(value, {})
    return value if isinstance(value, dict) else {}
