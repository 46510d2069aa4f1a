"""Create a job in three steps: its code, its settings, a review. The URL contains earlier choices."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from runs import job_changes, submission
from runs.files import code_uploads, snapshots, uploads
from runs.models import Run, Snapshot
from runs.pages.access import find_workspace
from runs.pages.job import prefilled
from runs.pages.job.forms import JobForm
from studio.errors import Invalid
from studio.forms import attempt
from studio.names import check_name
from studio.request_body import read_body
from studio.wizard import list_steps

STEPS = ["Code", "Settings", "Review"]
# The newest runs among which earlier code is looked for, and how much of it is offered.
MAX_RUNS, MAX_OFFERED = 200, 20
# Other parameters in the URL.
KEPT = ("experiment", "compute", "from")


def _next_url(request, code: str) -> str:
    """The next page with this code: the settings, or the job that is submitted again."""
    query = request.GET.copy()
    kept = {name: query[name] for name in KEPT if query.get(name)}
    source, slug = kept.pop("from", ""), request.workspace.slug
    address = (
        reverse("runs:run_resubmit", args=[slug, check_name(source, "run id")])
        if source
        else reverse("runs:job_new_settings", args=[slug])
    )
    words = query.__class__(mutable=True)
    words.update({**kept, "code": code})
    return f"{address}?{words.urlencode()}"


@require_safe
def job_new(request, slug):
    """The code: an upload, that of an earlier job, or none."""
    workspace = find_workspace(request, slug, "submit")
    max_files = min(code_uploads.MAX_LISTED, snapshots.MAX_FILES)
    context = {
        "steps": list_steps(STEPS, 0),
        "earlier": [(run, _next_url(request, str(run.snapshot.snapshot_id))) for run in _list_earlier(workspace)],
        "without_url": _next_url(request, ""),
        "query": request.GET.urlencode(),
        "max_bytes": settings.SNAPSHOT_MAX_BYTES,
        "max_files": max_files,
        "max_files_text": f"{max_files:,}",
        "source": request.GET.get("from", ""),
    }
    return render(request, "runs/job/new_code.html", context)


def _list_earlier(workspace) -> list[Run]:
    """The newest runs of each code."""
    newest = Run.objects.filter(workspace=workspace, deleted_at=None).exclude(snapshot=None)
    keys = newest.order_by("-created_at", "-pk").values_list("pk", "snapshot")[:MAX_RUNS]
    first: dict[Any, int] = {}
    for pk, snapshot in keys:
        first.setdefault(snapshot, pk)
    chosen = list(first.values())[:MAX_OFFERED]
    return list(
        Run.objects.filter(pk__in=chosen).select_related("snapshot", "experiment", "workspace").order_by("-created_at")
    )


@require_POST
def job_code_select(request, slug):
    """The files of a folder to upload. JSON: `paths`, and `ignore` with the `name` and `text` of its ignore file."""
    find_workspace(request, slug, "submit")
    body = read_body(request)
    paths, ignore = code_uploads.check_paths(body.get("paths")), body.get("ignore") or {}
    if not isinstance(ignore, dict):
        raise Invalid("`ignore` is an object with `name` and `text`.", target="ignore")
    name, text = (str(ignore.get(key) or "") for key in ("name", "text"))
    rules = code_uploads.read_rules(text, name) if name else code_uploads.IgnoreRules()
    selection = code_uploads.select_files(paths, rules)
    return JsonResponse({"included": selection.included, "leftOut": selection.describe()})


@require_POST
def job_code_upload(request, slug):
    """Store the code: a zip as the body, answered by JSON; or the field `archive` of a form, answered by the next step.

    With `rooted` the paths in the zip are those of the code; else a folder around all of them is left out.
    """
    workspace = find_workspace(request, slug, "submit")
    chunks = uploads.read_archive(request, settings.SNAPSHOT_MAX_BYTES)
    is_rooted = "rooted" in request.GET
    snapshot, selection = code_uploads.store_code(workspace, request.user, chunks, is_rooted)
    if left_out := selection.describe():
        messages.info(request, left_out)
    address = _next_url(request, str(snapshot.snapshot_id))
    return redirect(address) if uploads.is_form(request) else JsonResponse({"next": address})


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def job_new_settings(request, slug):
    """The form; with `step=review` it shows a review, with `step=submit` it submits the job."""
    workspace = find_workspace(request, slug, "submit")
    code = submission.find_snapshot(workspace, request.GET.get("code"))
    files = [file["path"] for file in code.files] if code else []
    source = prefilled.read_nothing(workspace, files, request.GET.get("experiment"), request.GET.get("compute"))
    step = request.POST.get("step", "edit")
    form = JobForm(request.POST if request.method == "POST" else None, workspace, source, files)
    if step == "submit":
        new = attempt(form, lambda: _submit(request, workspace, code, form))
        if new:
            messages.success(request, f"{new.display_name} was submitted.")
            return redirect(new)
    is_review = step == "review" and form.is_valid()
    context = {"form": form, "source": None, "code": code, "steps": list_steps(STEPS, 2 if is_review else 1)}
    context |= {"suggestions": form.suggestions, "back_url": f"{reverse('runs:job_new', args=[slug])}?{_kept(request)}"}
    template = "runs/job/new_review.html" if is_review else "runs/job/new_settings.html"
    return render(request, template, context, status=400 if step != "edit" and form.errors else 200)


def _kept(request) -> str:
    query = request.GET.copy()
    query.pop("code", None)
    return query.urlencode()


def _submit(request, workspace, code: Snapshot | None, form: JobForm) -> Run:
    changes = form.read_changes() | ({"codeId": str(code.snapshot_id)} if code else {})
    job = job_changes.change_job({"jobType": "Command"}, changes)
    name = submission.make_run_name(job["experimentName"])
    return submission.submit_job(actor_of_request(request), workspace, name, {"properties": job})
