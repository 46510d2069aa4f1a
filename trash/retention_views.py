"""The retention rules of a workspace, and estimates of what each would delete now."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.form_keys import process_once
from runs.pages.access import find_workspace, is_allowed, require_permission
from studio.errors import Conflict
from trash import retention_rules as rules
from trash.forms import RetentionForm
from trash.models import RetentionRule

MAX_RULES = 20
MAX_ACTS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def retention_page(request, slug):
    workspace = find_workspace(request, slug)
    form = RetentionForm(request.POST or None, instance=RetentionRule(workspace=workspace, created_by=request.user))
    if request.method == "POST":
        require_permission(request, "edit_workspace")
        if workspace.retention_rules.count() >= MAX_RULES:
            raise Conflict(f"A workspace has at most {MAX_RULES} rules. Delete one first.")
        if form.is_valid():
            form.save()
            messages.success(request, "The rule is saved. It runs every day while it is on.")
            return redirect("trash:retention", slug)
    found = list(workspace.retention_rules.all())
    for rule in found:
        rule.estimate = rules.estimate_rule(rule)
    acts = workspace.retention_acts.all()[:MAX_ACTS]
    context = {"rules": found, "acts": acts, "form": form, "may_edit": is_allowed(request, "edit_workspace")}
    return render(request, "trash/retention.html", context, status=400 if form.errors else 200)


@require_safe
def retention_estimate(request, slug):
    """Show an estimate for the rule in the form."""
    form = RetentionForm(request.GET, instance=RetentionRule(workspace=find_workspace(request, slug)))
    totals = rules.estimate_rule(form.instance) if form.is_valid() else None
    return render(request, "trash/_estimate.html", {"estimate": totals, "rule": form.instance, "form": form})


def _rule(request, slug, pk) -> RetentionRule:
    workspace = find_workspace(request, slug, "edit_workspace")
    return get_object_or_404(workspace.retention_rules, pk=pk)


@require_POST
@process_once
def retention_switch(request, slug, pk):
    rule = _rule(request, slug, pk)
    rule.is_on = not rule.is_on
    rule.save(update_fields=["is_on"])
    messages.success(
        request, f"The rule is {'on: it runs within the hour, and then every day' if rule.is_on else 'off'}."
    )
    return redirect("trash:retention", slug)


@require_POST
def retention_delete(request, slug, pk):
    _rule(request, slug, pk).delete()
    messages.success(request, "The rule is deleted.")
    return redirect("trash:retention", slug)
