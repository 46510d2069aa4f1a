"""The content of the cards on a run's overview."""

import dataclasses
import datetime as dt
import functools
import operator
import shlex

from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from assets import environments
from compute import waiting
from compute.models import Work
from runs import metric_order, objectives
from runs.models import MetricSeries, Run
from runs.pages.file_tree import LOG_FOLDERS
from studio.names import natural_key
from studio.statements import read_rows

RECENT = 8
FIRST_METRICS = 8
FIRST_OUTPUTS = 5
# The first outputs in natural order are found among so many.
MAX_OUTPUTS = 2000
# With more workspaces, the palette searches only the open one.
MAX_WORKSPACES = 20
# The states of a long timeline that its row has, as templates/runs/_overview.html; one more stands for all others.
FIRST_STAGES, LAST_STAGES = 2, 4
# Azure's word for an environment of which the studio does not know the packages.
USER_MANAGED = "User-managed"
MAX_PARENTS = 10
# Properties of a run whose script ran in a container (`Run.note_container`).
CONTAINER = ("image", "imageDigest", "containerEngine")
PACKAGE_FILES = ("requirements.txt", "conda.yaml", "conda.yml")
MAX_PACKAGE_FILES = 20
GIT = {
    "azureml.git.repository_uri": "Git repository",
    "azureml.git.branch": "Git branch",
    "azureml.git.commit": "Git commit",
    "azureml.git.dirty": "Git changes not committed",
}


@dataclasses.dataclass(frozen=True)
class StatePeriod:
    """A state of a run; `until` is its end, None for the current state."""

    status: str
    at: dt.datetime
    until: dt.datetime | None
    message: str


@dataclasses.dataclass(frozen=True)
class JobEnvironment:
    """`url` is the page of its version, or the job's own page of its environment, for which `packages` is a summary."""

    name: str
    url: str
    is_registered: bool = False
    packages: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class JobContainer:
    image: str
    digest: str
    engine: str


def build_timeline(run: Run) -> list[StatePeriod]:
    events = list(run.events.all())
    first = [(Run.Status.NOT_STARTED.value, run.created_at, "")]
    if events and events[0].status == Run.Status.NOT_STARTED:
        first = []
    marks = first + [(event.status, event.at, event.message) for event in events]
    ends = [at for _, at, _ in marks[1:]] + [None]
    return [
        StatePeriod(status, at, until, _past_message(message) if until else message)
        for (status, at, message), until in zip(marks, ends, strict=True)
    ]


def list_folded(stages: list[StatePeriod]) -> list[StatePeriod]:
    """The states between the first and the last that a row has no room for."""
    return stages[FIRST_STAGES:-LAST_STAGES] if len(stages) > FIRST_STAGES + 1 + LAST_STAGES else []


def _past_message(message: str) -> str:
    verb, _, rest = message.partition(" ")
    return f"Waited {rest}" if verb in ("Waiting", "Waits") else message


def get_job_properties(run: Run) -> dict:
    """The properties of the job as it was submitted; empty for an interactive run."""
    return run.job


def format_command(run: Run) -> str:
    properties = get_job_properties(run)
    argv = properties.get("commandArgv")
    return shlex.join(map(str, argv)) if argv else str(properties.get("command") or "")


def environment_name(run: Run) -> str:
    if run.environment_name:
        return f"{run.environment_name}:{run.environment_version}"
    properties = get_job_properties(run)
    definition = properties.get("environmentDefinition") or {}
    return str(properties.get("environmentId") or definition.get("name") or "").rpartition("/environments/")[2]


def describe_environment(run: Run) -> JobEnvironment:
    owner = find_environment_owner(run)
    definition = read_definition(owner)
    where = _find_version(owner, definition)
    if where:
        return JobEnvironment(":".join(where), reverse("environments:detail", args=[run.workspace.slug, *where]), True)
    name = environment_name(owner) or str(definition.get("name") or "") or USER_MANAGED
    url = reverse("runs:run_environment", args=[run.workspace.slug, run.run_id])
    return JobEnvironment(name, url, packages=environments.list_packages(definition))


def describe_container(run: Run) -> JobContainer | None:
    """None for a script that ran as a process of its machine."""
    image, digest, engine = (run.properties.get(f"lazuli.{name}") for name in CONTAINER)
    return JobContainer(str(image), str(digest), str(engine)) if image else None


def find_environment_owner(run: Run) -> Run:
    """The run itself if it was submitted; a child that a script started runs in the environment of its parent's job."""
    found = run
    for _ in range(MAX_PARENTS):
        if found.job or found.parent_id is None:
            break
        found = Run.objects.select_related("work").get(pk=found.parent_id)
    found.workspace = run.workspace
    return found if found.job else run


def read_definition(run: Run) -> dict:
    """The environment in which the job runs; that of an interactive run is unknown."""
    if run.work:
        return run.work.spec.get("environment") or {}
    return get_job_properties(run).get("environmentDefinition") or {}


def list_package_files(run: Run) -> list[str]:
    """Files of the run that name its packages, as those of MLflow models do."""
    paths = run.artifacts.filter(functools.reduce(operator.or_, (Q(path__endswith=end) for end in PACKAGE_FILES)))
    return list(paths.order_by("path").values_list("path", flat=True)[:MAX_PACKAGE_FILES])


def _find_version(run: Run, definition: dict) -> tuple[str, str] | None:
    """Name and version, if it is registered or curated, also if it was registered after the job was submitted."""
    if not run.environment_name:
        found = environments.find_same_version(run.workspace, definition)
        return (found.environment.name, found.version) if found else None
    try:
        environments.find_version(run.workspace, run.environment_name, run.environment_version)
    except Http404:
        return None
    return run.environment_name, run.environment_version


def list_git_properties(run: Run) -> list[tuple[str, str]]:
    return [(label, run.properties[name]) for name, label in GIT.items() if run.properties.get(name)]


def explain_wait(run: Run) -> str:
    """Why a run has not started yet; empty if it is running or has ended."""
    if run.work is None or run.status not in Run.BEFORE_RUNNING:
        return ""
    if run.work.state == Work.State.CLAIMED:
        node = run.work.node.name if run.work.node else "its node"
        return f"{node} is preparing the environment." if run.status == Run.Status.PREPARING else ""
    if run.work.state != Work.State.QUEUED:
        return ""
    target = run.work.target
    return waiting.QueueView(target).explain(run.work).describe(target)


def last_error_line(run: Run) -> str:
    """The last line of the traceback, unless the message contains it.

    A runner sends the details as a text, Azure's clients as a list of objects with messages.
    """
    details = run.error.get("details") or []
    for detail in [details] if isinstance(details, str) else details:
        text = detail.get("message", "") if isinstance(detail, dict) else detail
        lines = [line.strip() for line in str(text).splitlines() if line.strip()]
        if lines and lines[-1] not in str(run.error.get("message", "")):
            return lines[-1]
    return ""


def first_metrics(run: Run, user) -> tuple[list[MetricSeries], int]:
    """The most important metrics, in the order of lists, and how many the run has, of all kinds."""
    kinds = dict(run.metrics.values_list("name", "kind"))
    numbers = dict.fromkeys([name for name, kind in kinds.items() if kind == MetricSeries.Kind.SCALAR], 1)
    if not numbers:
        return [], len(kinds)
    primary = objectives.find_objective(run.experiment, user).name
    names = metric_order.sort_metrics(numbers, primary)[:FIRST_METRICS]
    found = {series.name: series for series in read_rows(MetricSeries, run=run.pk, name=names)}
    return [found[name] for name in names], len(kinds)


def list_outputs(run: Run) -> list[tuple[str, int]]:
    """(path, size) of its first outputs, one more than are shown if there are more."""
    outputs = run.artifacts.filter(path__gte="outputs/", path__lt="outputs0").order_by("path")
    found = outputs.values_list("path", "size")[:MAX_OUTPUTS]
    return sorted(found, key=lambda output: natural_key(output[0]))[: FIRST_OUTPUTS + 1]


def has_log(run: Run) -> bool:
    folders = (Q(path__gte=f"{folder}/", path__lt=f"{folder}0") for folder in LOG_FOLDERS)
    return run.artifacts.filter(functools.reduce(operator.or_, folders)).exists()


def list_models(run: Run) -> list:
    """Its versions of registered models, whose app is above this one, as is that of the revisions that serve them."""
    rows = run.model_versions.filter(deleted_at=None).select_related("model").only("number", "model__name")
    found = list(rows.prefetch_related("revisions__endpoint"))
    for version in found:
        version.model.workspace = run.workspace
    return found


def list_endpoints(models: list) -> list[str]:
    """The names of the endpoints that serve these versions of models."""
    revisions = (revision for version in models for revision in version.revisions.all())
    return sorted({one.endpoint.name for one in revisions if one.stage in ("Healthy", "Transitioning")})
