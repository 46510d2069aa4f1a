"""The list of endpoints, and the tabs of one: details, test, consume, logs."""

import hashlib
import json
from typing import Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.edit_conflicts import edit_in_turn
from accounts.form_keys import process_once
from accounts.view_as import hidden_in_view_as
from endpoints import (
    alerts,
    calls,
    deployment,
    mlflow_models,
    recent_requests,
    request_log,
    resource_use,
    revision_changes,
    scaling,
    snippets,
    traffic,
    traffic_forms,
    work_kind,
)
from endpoints.forms import AlertsForm, ReplicasForm, RequestForm, RequestsForm, WorkspaceQueryForm
from endpoints.models import Endpoint, Revision, TrafficGuard
from registry.models import ModelVersion
from runs.charts.figures import build_templates
from runs.pages.access import find_workspace, is_allowed
from studio.errors import Denied, Invalid, NotReady
from studio.htmx import render_page, wants_piece
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.repeated_polls import nothing_new

TABS = [
    ("details", "Details", "endpoints:detail"),
    ("test", "Test", "endpoints:test"),
    ("consume", "Consume", "endpoints:consume"),
    ("logs", "Logs", "endpoints:logs"),
    ("monitoring", "Monitoring", "endpoints:monitoring"),
    ("requests", "Requests", "endpoints:requests"),
    ("data", "Data", "endpoints:data"),
]
# How many revisions the tab Details shows.
REVISIONS = 50
# The newest revisions whose logs can be chosen, besides the current one.
LOGGED_REVISIONS = 10
EXAMPLE = '{"data": [[1, 2, 3, 4]]}'


def make_example(endpoint: Endpoint, version: ModelVersion | None) -> str:
    """The body of an example request that fits the signature of the MLflow model, or the schema of the entry script."""
    if version:
        return mlflow_models.write_example(version) or EXAMPLE
    shown = find_shown_revision(endpoint)
    return json.dumps(shown.example, ensure_ascii=False) if shown and shown.example else EXAMPLE


def find_shown_revision(endpoint: Endpoint) -> Revision | None:
    """The revision that tells how requests look; of several versions, that of the default one."""
    if endpoint.has_versions:
        versions = sorted(endpoint.versions.all(), key=lambda one: (not one.is_default, one.name))
        return find_shown_revision(versions[0]) if versions else None
    return endpoint.current or endpoint.newest


def find_mlflow_model(endpoint: Endpoint) -> ModelVersion | None:
    """The MLflow model that is served without an entry script."""
    shown = find_shown_revision(endpoint)
    if shown is None or shown.entry_script:
        return None
    return shown.model_versions.select_related("model", "run", "workspace", "logged_model").first()


def find_page_endpoint(request, slug: str, name: str) -> Endpoint:
    workspace = find_workspace(request, slug)
    found = Endpoint.objects.with_state().filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"There is no endpoint {name}.")
    return found


def find_to_edit(request, slug: str, name: str) -> Endpoint:
    found = find_page_endpoint(request, slug, name)
    if not is_allowed(request, "edit"):
        raise Denied("You may not change endpoints here. Ask an Owner for a role that allows it.")
    return found


def render_tab(request, endpoint: Endpoint, tab: str, partial: str = "", **more: Any):
    address = [endpoint.workspace.slug, endpoint.name]
    shown_tab = {"versions": "details", "replay": "data"}.get(tab, tab)
    tabs = [(key, label, reverse(url, args=address), key == shown_tab) for key, label, url in TABS]
    may_edit = is_allowed(request, "edit")
    context = {"endpoint": endpoint, "tab": tab, "tabs": tabs, "may_edit": may_edit, **more}
    return render_page(request, f"endpoints/{tab}.html", context, partial=partial)


@require_safe
@accept_parameters()
def endpoint_list(request, slug: str):
    workspace = find_workspace(request, slug)
    page = page_of(request, Endpoint.objects.with_state().without_versions().filter(workspace=workspace))
    return render_page(request, "endpoints/list.html", {"page": page})


@require_safe
def endpoint_detail(request, slug: str, name: str):
    endpoint = find_page_endpoint(request, slug, name)
    more: dict[str, Any]
    if endpoint.has_versions:
        rows = traffic_forms.list_rows(endpoint)
        default = next((row["version"] for row in rows if row["version"].is_default), None)
        guard = TrafficGuard.objects.filter(endpoint=endpoint).first()
        more = {"rows": rows, "default": default, "guard": guard, "guard_form": make_guard_form(endpoint)}
        return render_tab(request, endpoint, "versions", "endpoint-state", **more)
    revisions = endpoint.revisions.select_related("created_by", "target").prefetch_related(
        "replicas__work__assignments", "model_versions__model"
    )
    rows = revision_changes.list_rows(list(revisions[: REVISIONS + 1]), REVISIONS)
    replicas = [replica for row in rows for replica in row["revision"].present_replicas]
    more = {
        "rows": rows,
        "replicas": replicas,
        "scale_form": _replicas_form(endpoint),
        "update_url": _find_update(endpoint),
    }
    return render_tab(request, endpoint, "details", "endpoint-state", **more)


def _find_update(endpoint: Endpoint) -> str:
    """The form that deploys the next revision, of the only model; empty if there is none, or several, or it was deleted."""
    shown = endpoint.current or endpoint.newest
    models = list(shown.model_versions.select_related("model")) if shown and not endpoint.parent_id else []
    if len(models) != 1 or models[0].deleted_at or models[0].model.deleted_at:
        return ""
    address = reverse("endpoints:deploy", args=[endpoint.workspace.slug, models[0].model.name, models[0].number])
    return f"{address}?endpoint={endpoint.name}"


def make_guard_form(endpoint, data=None) -> traffic_forms.GuardForm:
    guard = TrafficGuard.objects.filter(endpoint=endpoint).first() or TrafficGuard()
    initial = {"failures": guard.failures, "p95": guard.p95, "requests": guard.requests}
    return traffic_forms.GuardForm(data, initial=initial, edited=endpoint)


def _replicas_form(endpoint, data=None) -> ReplicasForm:
    shown = endpoint.current or endpoint.newest
    initial = {"min_replicas": shown.min_replicas, "max_replicas": shown.max_replicas} if shown else None
    return ReplicasForm(data, initial=initial, edited=endpoint)


@require_POST
def endpoint_scale(request, slug: str, name: str):
    """Set the minimum and maximum of replicas."""
    with edit_in_turn(request):
        endpoint = find_to_edit(request, slug, name)
        form = _replicas_form(endpoint, request.POST)
        if form.is_valid():
            scaling.change_bounds(endpoint, form.cleaned_data["min_replicas"], form.cleaned_data["max_replicas"])
            messages.success(request, "The numbers of replicas were saved.")
        else:
            messages.error(request, list_errors(form))
    return redirect(endpoint)


@require_POST
@process_once
def endpoint_deploy_again(request, slug: str, name: str):
    """Deploy revision number `revision` again."""
    endpoint = find_to_edit(request, slug, name)
    number = request.POST.get("revision", "")
    revision = endpoint.revisions.filter(number=number).first() if number.isdecimal() and len(number) < 9 else None
    if revision is None:
        raise Invalid(f"There is no revision {number[:20]!r}: send the number of an existing one.", target="revision")
    again = deployment.deploy_again(Actor(request.user), revision)
    messages.success(
        request, f"Revision {again.number} is a copy of revision {number}, and takes over once it is ready."
    )
    return redirect(endpoint)


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_test(request, slug: str, name: str):
    """Show the response of the service to the typed request."""
    endpoint = find_page_endpoint(request, slug, name)
    version = find_mlflow_model(endpoint)
    recent = recent_requests.list_requests(request, endpoint)
    again = request.GET.get("again", "")
    body = dict(enumerate(recent)).get(int(again)) if again.isdecimal() and len(again) < 4 else None
    columns = mlflow_models.list_inputs(version) if version else []
    initial = {"data": body or make_example(endpoint, version)}
    form = RequestForm(request.POST or None, request.FILES or None, initial=initial, endpoint=endpoint, columns=columns)
    more: dict = {"columns": columns}
    if request.method == "POST" and form.is_valid():
        if not is_allowed(request, "submit"):
            raise Denied("You may not send requests from here. Ask an Owner for a role that allows it.")
        more["answers"] = [_send_test(called, form.cleaned_data["data"]) for called in form.called]
        recent = recent_requests.add_request(request, endpoint, form.cleaned_data["data"])
    return render_tab(request, endpoint, "test", form=form, recent=recent, **more)


def _send_test(endpoint: Endpoint, data: str) -> dict[str, Any]:
    try:
        return {"endpoint": endpoint, "answer": calls.send_test(endpoint, data)}
    except NotReady as error:
        return {"endpoint": endpoint, "problem": error.message}


@hidden_in_view_as
@require_safe
def endpoint_consume(request, slug: str, name: str):
    """The tab Consume, with the keys for people who may edit."""
    endpoint = find_page_endpoint(request, slug, name)
    holder = endpoint.parent or endpoint
    shows_keys = endpoint.auth_enabled and is_allowed(request, "edit")
    keys = list(zip(Endpoint.Key.values, holder.keys, strict=True)) if shows_keys else []
    example = json.loads(make_example(endpoint, find_mlflow_model(endpoint)))
    has_key = endpoint.auth_enabled or endpoint.token_auth_enabled
    code = snippets.write_all(endpoint.scoring_uri, example, has_key=has_key)
    return render_tab(request, endpoint, "consume", keys=keys, code=code)


@require_safe
def endpoint_logs(request, slug: str, name: str):
    """The log of the newest revision, or of `?revision=`; 204 for a poll if it is the one of `?seen=`."""
    endpoint = find_page_endpoint(request, slug, name)
    revisions = list(endpoint.revisions.defer("log")[:LOGGED_REVISIONS])
    if endpoint.current and endpoint.current not in revisions:
        revisions.append(endpoint.current)
    number = request.GET.get("revision", "")
    shown = next((one for one in revisions if str(one.number) == number), None) if number else endpoint.newest
    if number and shown is None:
        raise Http404(f"There is no log of a revision {number[:20]}.")
    words = [f"{one.number} {one.stage} {one == endpoint.current}" for one in revisions]
    build = work_kind.find_build(shown) if shown else None
    words += [*(version.name for version in endpoint.versions.all()), shown.shown_log if shown else "", str(build)]
    seen = hashlib.sha256("\n".join(words).encode(errors="surrogateescape")).hexdigest()[:16]
    if wants_piece(request) and request.GET.get("seen") == seen:
        return nothing_new()
    context = {"seen": seen, "shown": shown, "revisions": revisions, "build": build}
    return render_tab(request, endpoint, "logs", "endpoint-log", **context)


@require_safe
def endpoint_monitoring(request, slug: str, name: str):
    """Requests, latency, replicas and their resource use of the last hour."""
    endpoint = find_page_endpoint(request, slug, name)
    rows = traffic.read_hour(endpoint)
    summary = traffic.summarize_traffic(rows)
    more: dict[str, Any] = {"summary": summary, "templates": build_templates()}
    more.update(raised=endpoint.alerts.exclude(raised_at=None), alerts_form=_alerts_form(endpoint))
    more["use"] = resource_use.draw_use(endpoint)
    if summary.requests:
        more["figures"] = traffic.draw_traffic(rows)
    return render_tab(request, endpoint, "monitoring", "endpoint-traffic", **more)


def _alerts_form(endpoint, data=None) -> AlertsForm:
    return AlertsForm(data, initial=dict(endpoint.alerts.values_list("kind", "limit")), edited=endpoint)


@require_POST
def endpoint_alerts(request, slug: str, name: str):
    """Set the limits of `p95`, `failures` and `quiet`; an empty one removes the alert."""
    with edit_in_turn(request):
        endpoint = find_to_edit(request, slug, name)
        form = _alerts_form(endpoint, request.POST)
        if form.is_valid():
            alerts.change_alerts(endpoint, form.cleaned_data)
            messages.success(request, "The alerts were saved.")
        else:
            messages.error(request, list_errors(form))
    return redirect("endpoints:monitoring", slug, name)


def list_errors(form) -> str:
    return " ".join(f"{form[field].label}: {' '.join(map(str, words))}" for field, words in form.errors.items())


@require_safe
@accept_parameters(*RequestsForm.base_fields)
def endpoint_requests(request, slug: str, name: str):
    """The recorded requests: a table, or the result of `query`."""
    endpoint = find_page_endpoint(request, slug, name)
    form = RequestsForm(request.GET or None)
    since = request_log.SPANS[form.cleaned_data["since"] or request_log.DAY] if form.is_valid() else request_log.KEPT
    more: dict[str, Any] = {"form": form, "limits": request_log}
    if form.is_valid() and form.cleaned_data["query"]:
        try:
            result = request_log.run_endpoint_query(endpoint, form.cleaned_data["query"], since)
            more.update(result=result, figure=request_log.draw_result(result), templates=build_templates())
        except Invalid as error:
            form.add_error("query", error.message)
    else:
        shown = form.cleaned_data["status"] if form.is_valid() else ""
        more["page"] = page_of(request, request_log.list_requests(endpoint, since, shown))
    return render_tab(request, endpoint, "requests", **more)


@require_safe
@accept_parameters(*WorkspaceQueryForm.base_fields)
def endpoint_queries(request, slug: str):
    """Queries over the recorded requests of all endpoints."""
    workspace = find_workspace(request, slug)
    form = WorkspaceQueryForm(request.GET or None)
    context: dict[str, Any] = {"form": form, "limits": request_log, "examples": request_log.EXAMPLES}
    if form.is_valid():
        since = request_log.SPANS[form.cleaned_data["since"] or request_log.DAY]
        try:
            result = request_log.run_workspace_query(workspace, form.cleaned_data["query"], since)
            context.update(result=result, figure=request_log.draw_result(result), templates=build_templates())
        except Invalid as error:
            form.add_error("query", error.message)
    return render_page(request, "endpoints/queries.html", context)


@require_POST
@process_once
def endpoint_traffic(request, slug: str, name: str):
    """Set the shares of the versions, and the default one."""
    endpoint = find_to_edit(request, slug, name)
    shares, default = traffic_forms.read_shares(endpoint, request.POST)
    endpoint.change_traffic(shares)
    if default is not None:
        endpoint.change_default(default)
    messages.success(request, "The traffic was saved. Requests follow within 5 seconds.")
    return redirect(endpoint)


@require_POST
@process_once
def endpoint_key(request, slug: str, name: str):
    """Regenerate the key `key`, Primary or Secondary."""
    endpoint = find_to_edit(request, slug, name)
    which = request.POST.get("key", "")
    if which not in Endpoint.Key.values:
        raise Http404(f"There is no key {which[:20]!r}: write Primary or Secondary.")
    (endpoint.parent or endpoint).regenerate_key(which)
    messages.success(request, f"The {which.lower()} key was regenerated. The old one stops working within 5 seconds.")
    return redirect("endpoints:consume", slug, name)


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_delete(request, slug: str, name: str):
    endpoint = find_to_edit(request, slug, name)
    if request.method == "POST":
        endpoint.remove()
        messages.success(request, f"The endpoint {name} was deleted.")
        return redirect("endpoints:list", slug)
    return render_page(request, "endpoints/delete.html", {"endpoint": endpoint})
