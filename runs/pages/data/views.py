"""Data assets: their list, and the tabs of a version: details, code, rows, profile, versions and jobs."""

import json

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.edit_conflicts import edit_in_turn
from assets import tasks
from assets.data import cached_rows, datasets, differences, manifests, misfits, previews, quality
from assets.data.models import DataAsset, DataVersion
from assets.data.work import DataWork
from compute import notifications
from runs.api.data_assets import add_newest, list_assets
from runs.job_data import SOURCE_TYPE
from runs.models import Run, RunDataset
from runs.pages.access import find_workspace, is_allowed, require_permission
from runs.pages.data import dependents, row_views
from runs.pages.data.forms import DataVersionForm, DeprecationForm
from studio import numbers
from studio.forms import attempt
from studio.htmx import render_page
from studio.links import page_of_form
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.words import split_words

TABS = [
    ("details", "Details", "data:detail"),
    ("consume", "Consume", "data:consume"),
    ("explore", "Explore", "data:explore"),
    ("quality", "Quality", "data:quality"),
    ("versions", "Versions", "data:versions"),
    ("jobs", "Jobs", "data:jobs"),
]
MAX_START = 10**12
# Data assets that can be chosen in a form.
MAX_CHOICES = 500
WORK = (DataWork.Kind.PROFILE, DataWork.Kind.FREEZE, DataWork.Kind.ROWS)
# The texts of the steps of a dataset.
STEPS = {
    "read_delimited": "Read delimited text",
    "read_parquet": "Read parquet",
    "read_json_lines": "Read JSON lines",
    "read_sql": "SQL query",
    "partition_format": "Columns from paths",
    "timestamp_columns": "Timestamp columns",
}


@require_safe
@accept_parameters("q", "archived")
def data_list(request, slug):
    """`?archived` shows the archived ones."""
    workspace = find_workspace(request, slug)
    words, archived = split_words(request.GET.get("q", "")), "archived" in request.GET
    rows = list_assets(workspace).filter(archived_at__isnull=not archived)
    for word in words:
        rows = rows.filter(name__icontains=word)
    page = page_of(request, rows)
    page.object_list = add_newest(workspace, list(page.object_list))
    checks = quality.find_results([asset.newest for asset in page.object_list])
    for asset in page.object_list:
        asset.quality_check = checks.get(asset.newest.pk)
    context = {
        "page": page,
        "words": " ".join(words),
        "archived": archived,
        "may_edit": is_allowed(request, "edit"),
        "tab": "list",
    }
    return render_page(request, "data/list.html", context, partial="data-rows")


def find_version(request, slug: str, name: str, version: str) -> DataVersion:
    return datasets.find_version(find_workspace(request, slug), name, version)


def build_context(request, found: DataVersion, tab: str, **more) -> dict:
    """The context of every tab."""
    versions = list(found.named_asset.versions.all()[:100])
    return {
        "version": found,
        "asset": found.asset,
        "name": found.named_asset.name,
        "tab": tab,
        "tabs": TABS,
        "versions": versions,
        "is_latest": found.pk == versions[0].pk,
        "quality_check": quality.find_results([found]).get(found.pk),
        "may_edit": is_allowed(request, "edit"),
        **more,
    }


@require_safe
def data_latest(request, slug, name):
    """Redirect from a permanent URL to the newest version."""
    return redirect("data:detail", slug, name, find_version(request, slug, name, datasets.LATEST).version)


@require_http_methods(["GET", "HEAD", "POST"])
def data_detail(request, slug, name, version):
    """A POST changes description and tags."""
    with edit_in_turn(request):
        found = find_version(request, slug, name, version)
        initial = {"description": found.description, "tags": found.tags}
        form = DataVersionForm(request.POST or None, initial=initial, edited=found)
        if request.method == "POST":
            require_permission(request, "edit")
            if attempt(form, lambda: _edit(request, found, form)):
                messages.success(request, f"{found} was changed.")
                return redirect(found)
    try:
        sources, problem = previews.list_sources(request.workspace, found.definition), ""
    except previews.PROBLEMS as error:
        sources, problem = [], error.message
    manifest = getattr(found, "manifest", None)
    more = {
        "form": form,
        "manifest": manifest,
        "changes": manifests.compare_sources(manifest, sources) if manifest and not problem else None,
        "freeze": found.work.filter(kind=DataWork.Kind.FREEZE).first(),
        "paths": found.definition["paths"],
        "steps": _describe_steps(found.definition),
        "file_count": len(sources),
        "size": sum(source.size or 0 for source in sources),
        "problem": problem,
        "misfits": misfits.find_misfits(found),
        "encodings": misfits.find_wrong_encodings(found),
    }
    return render(request, "data/detail.html", build_context(request, found, "details", **more), status=form.status)


def _edit(request, found: DataVersion, form: DataVersionForm) -> bool:
    found.edit(actor_of_request(request), **form.cleaned_data)
    return True


def _describe_steps(definition: dict) -> list[tuple[str, str]]:
    """Each step in words, with its values."""
    found = []
    for step in definition["steps"]:
        given = ((key, value) for key, value in step.items() if key not in ("type", "column_types"))
        values = {key: value for key, value in given if value is not False}
        shown = ", ".join(f"{key.replace('_', ' ')}: {json.dumps(value)}" for key, value in values.items())
        word = STEPS.get(step["type"], step["type"].replace("_", " ").capitalize())
        found.append((word, shown[:500]))
    return found


@require_safe
def data_consume(request, slug, name, version):
    found = find_version(request, slug, name, version)
    return render(request, "data/consume.html", build_context(request, found, "consume"))


@require_safe
def data_explore(request, slug, name, version):
    """The rows from `?start=`, which `row_views` filters and sorts; `?profile` shows the profile instead."""
    found = find_version(request, slug, name, version)
    more: dict = {"is_table": found.is_table, "is_profile": "profile" in request.GET}
    if not found.is_table:
        try:
            more["sources"] = page_of(request, previews.list_sources(request.workspace, found.definition), size=50)
        except previews.PROBLEMS as error:
            more["problem"] = error.message
    elif more["is_profile"]:
        more |= _profile(request, found)
    else:
        more |= _find_rows(request, found)
    return render(request, "data/explore.html", build_context(request, found, "explore", **more))


def _find_rows(request, found: DataVersion) -> dict:
    start = min(max(numbers.int_or_none(request.GET.get("start", "")) or 0, 0), MAX_START)
    view = row_views.read_view(request.GET)
    work, can_be_cached, cached = _find_cached_rows(request, found, is_needed=bool(start) or not view.is_plain)
    if work and work.is_open and not view.is_plain:
        return {"rows_work": work, "address": request.get_full_path(), "view": view}
    if view.is_plain:
        preview = previews.read_preview(request.workspace, found.definition, start=start, cached=cached)
    else:
        preview = previews.read_matches(request.workspace, found.definition, view.build_request(), start, cached)
    return {
        "preview": preview,
        "rows_work": work,
        "can_be_cached": can_be_cached and not cached and preview.is_partly_searched,
        "view": view,
        "heads": view.list_heads(preview.columns),
        "chips": view.list_chips(),
        "operators": row_views.WORDS,
    }


def _find_cached_rows(request, found: DataVersion, is_needed: bool) -> tuple:
    """The last work on a copy of all rows, whether there can be one, and where it is."""
    if not is_needed:
        return None, False, None
    try:
        sources = previews.list_sources(request.workspace, found.definition)
    except previews.PROBLEMS:
        # What is wrong is shown instead of the rows.
        return None, False, None
    work = found.work.filter(kind=DataWork.Kind.ROWS).first()
    return work, cached_rows.can_be_cached(found, sources), cached_rows.find_rows(found, sources)


def _profile(request, found: DataVersion) -> dict:
    """The profile of all rows if it is up to date, otherwise of the first rows."""
    rows = found.work.filter(kind=DataWork.Kind.PROFILE)
    work, made = rows.first(), rows.filter(state=DataWork.State.COMPLETED).first()
    more: dict = {"work": work, "address": f"{request.path}?profile"}
    if work and work.is_open:
        return more
    if made:
        try:
            digest = manifests.digest_of(previews.list_sources(request.workspace, found.definition))
        except previews.PROBLEMS as error:
            return more | {"profile": previews.Profile(problem=error.message)}
        if digest == made.manifest_digest:
            return more | {"profile": previews.show_full_profile(made.result), "made_at": made.ended_at}
        more["is_outdated"] = True
    return more | {"profile": previews.read_profile(request.workspace, found.definition)}


@require_safe
def data_versions(request, slug, name, version):
    """`?with=` compares with another version."""
    found, other = find_version(request, slug, name, version), request.GET.get("with", "")
    page = page_of(request, found.named_asset.versions.select_related("created_by", "asset", "workspace"))
    more = {"page": page, "difference": None}
    if other:
        pair = sorted([found, find_version(request, slug, name, other)], key=lambda row: row.number)
        more["difference"] = differences.compare_versions(*pair)
    return render(request, "data/versions.html", build_context(request, found, "versions", **more))


@require_safe
def data_jobs(request, slug, name, version):
    """Jobs that read this version, or made it."""
    found = find_version(request, slug, name, version)
    links = RunDataset.objects.filter(
        digest=str(found.dataset_id), name=name, source_type=SOURCE_TYPE, run__workspace=request.workspace
    )
    rows = Run.objects.filter(workspace=request.workspace, deleted_at=None, pk__in=links.values("run"))
    rows = rows.select_related("experiment", "created_by", "workspace").order_by("-created_at", "-pk")
    made_by = Run.objects.filter(workspace=request.workspace, run_id=found.made_by_run, deleted_at=None).first()
    more = {"page": page_of(request, rows), "made_by": made_by if found.made_by_run else None}
    return render(request, "data/jobs.html", build_context(request, found, "jobs", **more))


@require_safe
def data_remove(request, slug, name, version):
    """Show what uses a version, before it is removed by `data_change`."""
    found = find_version(request, slug, name, version)
    require_permission(request, "edit")
    context = {"version": found, "name": name, "dependents": dependents.find_dependents(found)}
    return render(request, "data/remove.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def data_deprecate(request, slug, name, version):
    """A POST deprecates the asset, or with `act=undo` no longer."""
    found, actor = find_version(request, slug, name, version), actor_of_request(request)
    require_permission(request, "edit")
    others = DataAsset.objects.filter(workspace=request.workspace, archived_at=None).exclude(name=name).order_by("name")
    form = DeprecationForm(request.POST or None, assets=others[:MAX_CHOICES])
    if request.method == "POST" and request.POST.get("act") == "undo":
        found.named_asset.undo_deprecation(actor)
        messages.success(request, f"{name} is no longer deprecated.")
        return redirect(found)
    if request.method == "POST" and form.is_valid():
        found.named_asset.deprecate(actor, others.filter(name=form.cleaned_data["replacement"]).first())
        messages.success(request, f"{name} is deprecated. Who reads it gets a warning.")
        return redirect(found)
    context = {"version": found, "name": name, "form": form}
    return render(request, "data/deprecate.html", context, status=400 if form.errors else 200)


@require_POST
def data_change(request, slug, name, version):
    """Archive or restore an asset, remove this version, or process it in the background; depending on the button's
    `act`."""
    found, actor = find_version(request, slug, name, version), actor_of_request(request)
    require_permission(request, "edit")
    act = request.POST.get("act", "")
    if act in ("archive", "restore"):
        found.named_asset.archive(actor, act == "archive")
        messages.success(request, f"{name} was {'archived' if act == 'archive' else 'restored'}.")
    elif act in WORK:
        DataWork.queue(found, act, actor.user)
        notifications.notify_control(tasks.WORK)
        if act == DataWork.Kind.ROWS:
            return redirect(page_of_form(request))
        return redirect(f"{reverse('data:explore', args=[slug, name, version])}?profile" if act == "profile" else found)
    elif act == "remove":
        found.remove(actor)
        messages.success(request, f"Version {version} of {name} was removed. Its files stay where they are.")
        if not found.named_asset.versions.exists():
            return redirect("data:list", slug)
        return redirect("data:latest", slug, name)
    return redirect(found)
