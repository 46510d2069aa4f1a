"""The tracking address in a browser: MLflow's clients print links that begin with it, such as
`…/#/experiments/1/runs/abc`.

Browsers do not send the part after #, so a script of the page there sends it as `?open=`
(static/js/pages/mlflow-link.js).
"""

import re
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from mlflow_api.errors import MlflowError
from mlflow_api.request import DEFAULT_ID, as_uuid
from registry.models import LoggedModel, ModelVersion
from runs.models import Experiment, Run
from runs.models.experiments import DEFAULT_NAME
from studio import numbers
from workspaces import lookup
from workspaces.models import Workspace

MAX_LINK = 2_000
EXPERIMENT = r"/experiments/(?P<experiment>[\w-]{1,36})"
# The kinds of links by their patterns; what MLflow's page shows further down (`/artifacts/…`, `/traces`) is on the same page here.
RUN = re.compile(rf"{EXPERIMENT}/runs/(?P<run>[\w.-]{{1,256}})(?:/.*)?")
LOGGED = re.compile(rf"{EXPERIMENT}/models/(?P<model>m-[\w-]{{1,62}})(?:/.*)?")
WHOLE = re.compile(rf"{EXPERIMENT}(?:/(?:runs|models|traces)?)?")
VERSION = re.compile(r"/models/(?P<name>[^/]{1,255})/versions/(?P<number>\d{1,10})/?")


@login_not_required
@require_safe
def browse(request: HttpRequest, **workspace_path) -> HttpResponse:
    """Reveals nothing about the workspace before it knows what to open, and then only to people with access."""
    link = request.GET.get("open")
    if link is None:
        return render(request, "mlflow_api/link.html")
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    try:
        workspace = lookup.find_workspace(actor_of_request(request), **workspace_path)
        return redirect(_find(workspace, link[:MAX_LINK].partition("?")[0]))
    except Http404 as error:
        return render(request, "mlflow_api/link_not_found.html", {"message": str(error)}, status=404)


def _find(workspace: Workspace, link: str):
    """The row whose page the link opens."""
    if link in ("", "/"):
        return workspace
    for pattern, find in FINDERS.items():
        match = pattern.fullmatch(link)
        if match:
            return find(workspace, **match.groupdict())
    raise Http404(f"The link '{link[:200]}' leads to no page of this studio.")


def _experiment(workspace: Workspace, experiment: str) -> Experiment:
    rows = Experiment.objects.filter(workspace=workspace)
    try:
        named = {"name": DEFAULT_NAME} if experiment == DEFAULT_ID else {"experiment_id": as_uuid(experiment)}
        found = rows.filter(**named).first()
    except MlflowError:
        found = None
    if found is None:
        raise Http404(f"The workspace {workspace.name} has no experiment {experiment}. It may have been deleted.")
    return found


def _run(workspace: Workspace, experiment: str, run: str) -> Run:
    found = Run.objects.filter(workspace=workspace, run_id=run).first()
    if found is None:
        raise Http404(f"The workspace {workspace.name} has no run {run}. It may have been deleted.")
    return found


def _run_of_model(workspace: Workspace, experiment: str, model: str) -> Run | Experiment:
    found = LoggedModel.objects.present().filter(workspace=workspace, model_id=model).select_related("run").first()
    if found is None:
        raise Http404(f"The workspace {workspace.name} has no logged model {model}. It may have been deleted.")
    return found.run or _experiment(workspace, str(found.experiment_uuid))


def _version(workspace: Workspace, name: str, number: str) -> ModelVersion:
    versions = ModelVersion.objects.filter(model__workspace=workspace, model__name=name)
    found = (
        versions.filter(number=min(numbers.int_or_none(number) or 0, 2**31 - 1))
        .select_related("model__workspace")
        .first()
    )
    if found is None:
        raise Http404(f"The workspace {workspace.name} has no version {number} of a model {name[:100]}.")
    return found


FINDERS: dict[re.Pattern, Callable] = {RUN: _run, LOGGED: _run_of_model, WHOLE: _experiment, VERSION: _version}
