"""Submitting a job from a page: one that ran before, with changes."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from runs import submission
from runs.models import Run
from runs.pages.access import find_run, require_permission
from runs.pages.job import prefilled
from runs.pages.job.forms import JobForm
from studio.forms import attempt


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def run_resubmit(request, slug, run_id):
    """Edit and submit: a form with the run's job. Unchanged, it submits the same job again."""
    run = find_run(request, slug, run_id)
    require_permission(request, "submit")
    submission.require_job(run)
    source = prefilled.read_run(run)
    # Other code that was uploaded or chosen.
    code = submission.find_snapshot(run.workspace, request.GET.get("code", ""))
    used = code or run.snapshot
    files = [file["path"] for file in used.files] if used else None
    other_code = {"codeId": str(code.snapshot_id)} if code and code != run.snapshot else {}
    source.has_other_code = bool(other_code)
    form = JobForm(request.POST if request.method == "POST" else None, run.workspace, source, files)
    new = attempt(form, lambda: _resubmit(request, run, form.read_changes() | other_code))
    if new:
        labels = [*(["Code"] if other_code else []), *form.changed_labels()]
        messages.success(request, _describe(new, labels))
        return redirect(new)
    context = {"run": run, "form": form, "source": source, "suggestions": form.suggestions}
    context["code"] = used
    return render(request, "runs/job/resubmit.html", context, status=400 if form.errors else 200)


def _resubmit(request, run: Run, changes: dict) -> Run:
    return submission.resubmit_job(actor_of_request(request), run, changes)


def _describe(new: Run, labels: list[str]) -> str:
    said = f"Submitted as {new.display_name}."
    return f"{said} Changed: {', '.join(label.lower() for label in labels)}." if labels else said
