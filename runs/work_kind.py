"""Runs in the work queue: their token, their page, and the list of runs of a compute target."""

from urllib.parse import urlencode

from django.urls import reverse

from accounts.authentication import make_run_token
from compute.models import ComputeTarget, Work
from compute.work_kinds import WorkKind
from runs.models import Run
from runs.models.status import TERMINAL
from workspaces.models import Workspace

NAME = "run"


def scope_of(run_id: str) -> str:
    return f"{NAME}:{run_id}"


def make_token(work: Work) -> str:
    return make_run_token(work.submitted_by_id, work.target.workspace_id, work.subject, work.attempt)


def page_url(work: Work) -> str:
    return reverse("runs:run_detail", args=[work.target.workspace.slug, work.subject])


def list_url(target: ComputeTarget) -> str:
    return f"{reverse('runs:jobs', args=[target.workspace.slug])}?{urlencode({'q': target.name})}"


def read_outcomes(works: list[Work]) -> dict:
    keys = [work.pk for work in works]
    return dict(Run.objects.filter(work__in=keys, status__in=TERMINAL).values_list("work", "status")) if keys else {}


def create_url(workspace: Workspace, target: str) -> str:
    address = reverse("runs:job_new", args=[workspace.slug])
    return f"{address}?{urlencode({'compute': target})}" if target else address


def on_queued_again(work: Work, reason: str) -> None:
    run = Run.objects.filter(work=work.pk).first()
    if run:
        run.wait_again(reason)


KIND = WorkKind(
    name=NAME,
    make_token=make_token,
    page_url=page_url,
    on_queued_again=on_queued_again,
    list_url=list_url,
    list_label="all jobs",
    read_outcomes=read_outcomes,
    create_url=create_url,
    create_label="Create job",
)
