"""The tab Quality of a version: the rules of its asset, adding and removing them, and the last check."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actors import actor_of_request
from assets import tasks
from assets.data import quality
from assets.data.work import DataWork
from compute import notifications
from runs.pages.access import require_permission
from runs.pages.data.forms import QualityRuleForm
from runs.pages.data.views import build_context, find_version
from studio.errors import Conflict, Invalid
from studio.forms import attempt


@require_http_methods(["GET", "HEAD", "POST"])
def data_quality(request, slug, name, version):
    """A POST adds a rule, removes the rule `number`, or checks the version again; depending on the button's `act`."""
    found = find_version(request, slug, name, version)
    act = request.POST.get("act", "")
    form = QualityRuleForm(request.POST if act == "add" else None)
    if request.method == "POST":
        require_permission(request, "edit")
        if attempt(form, lambda: _act(request, found, act, form)) if act == "add" else _act(request, found, act, form):
            return redirect("data:quality", slug, name, version)
    check = quality.find_results([found]).get(found.pk)
    steps = found.definition.get("steps", [])
    more = {
        "form": form,
        "columns": list(dict.fromkeys(name for step in steps for name in step.get("column_types", {}))),
        "rules": [quality.describe_rule(rule) for rule in found.named_asset.quality_rules],
        "check": check,
        "results": [{**one, "text": quality.describe_rule(one["rule"])} for one in check.result.get("rules", [])]
        if check
        else [],
    }
    return render(request, "data/quality.html", build_context(request, found, "quality", **more), status=form.status)


def _act(request, found, act: str, form: QualityRuleForm) -> bool:
    asset, actor = found.named_asset, actor_of_request(request)
    rules = list(asset.quality_rules)
    if act == "add":
        asset.set_quality_rules(actor, [*rules, form.read_rule()])
        messages.success(request, "The rule was added. New versions are checked when they are registered.")
    elif act == "remove":
        number = request.POST.get("number", "")
        asset.set_quality_rules(actor, [rule for index, rule in enumerate(rules) if str(index) != number])
        messages.success(request, "The rule was removed.")
    elif act == "check":
        try:
            DataWork.queue(found, DataWork.Kind.QUALITY, actor.user)
        except (Conflict, Invalid) as error:
            messages.error(request, error.message)
        notifications.notify_control(tasks.WORK)
    return True
