"""Register a model: its files, from this machine or from a job, then name, description and the rest."""

import functools
import tempfile
import zipfile

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from assets.data.models import ARTIFACT_STORE, Datastore
from registry import registration, rules, sources
from registry.models import Model, ModelVersion, WorkspaceFile
from runs.files import code_uploads, snapshots, uploads
from runs.models import Run
from runs.pages.access import find_run, find_workspace
from studio import storage
from studio.errors import Invalid
from studio.forms import SelectField, TagsField, TextField, attempt
from studio.request_body import read_body
from studio.rules import DESCRIPTION
from studio.wizard import list_steps

STEPS = ["Files", "Settings"]
MAX_RUNS, MAX_PATHS = 50, 500
# An uploaded folder has no name: the browser only sends its content.
FOLDER = "model"


@require_safe
def register(request, slug):
    """Upload files, or choose files of a job or of a datastore: `?job=` lists those of one."""
    workspace = find_workspace(request, slug, "edit")
    context = {"steps": list_steps(STEPS, 0), "name": request.GET.get("name", "")}
    if run_id := request.GET.get("job", ""):
        run = find_run(request, slug, run_id)
        return render(request, "registry/register_job.html", {**context, "run": run, "paths": _list_paths(run)})
    runs = Run.objects.filter(workspace=workspace, deleted_at=None, artifacts__path__startswith="outputs/").distinct()
    context |= {
        "runs": list(runs.select_related("experiment", "workspace").order_by("-created_at")[:MAX_RUNS]),
        "datastores": [row for row in Datastore.objects.of(workspace) if _has_files_to_register(row)],
        "query": urlencode({"name": context["name"]} if context["name"] else {}),
        "max_bytes": settings.SNAPSHOT_MAX_BYTES,
        "max_files": code_uploads.MAX_LISTED,
    }
    return render(request, "registry/register.html", context)


def _has_files_to_register(row: Datastore) -> bool:
    """The files of the artifact store are those of jobs and models."""
    return not row.is_database and row.name != ARTIFACT_STORE


def _list_paths(run: Run) -> list[tuple[str, int]]:
    """Folders with their sizes, then files; folders of a model come first."""
    files = list(run.artifacts.order_by("path").values_list("path", "size")[: MAX_PATHS * 4])
    folders: dict[str, int] = {}
    for path, size in files:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            folders[folder] = folders.get(folder, 0) + size
    models = {path.rpartition("/")[0] for path, _ in files if path.rpartition("/")[2] == "MLmodel"}
    ordered = sorted(folders.items(), key=lambda one: (one[0] not in models, one[0]))
    return [(f"{path}/", size) for path, size in ordered[:MAX_PATHS]] + files[:MAX_PATHS]


@require_POST
def upload_select(request, slug):
    """The files of a folder to upload: all of them, if their paths can be stored."""
    find_workspace(request, slug, "edit")
    paths = code_uploads.check_paths(read_body(request).get("paths"))
    return JsonResponse({"included": list(range(len(paths))), "leftOut": ""})


@require_POST
def upload(request, slug):
    """Store the files of a zip: the body, answered by JSON; or the field `archive` of a form, answered by the next step."""
    workspace = find_workspace(request, slug, "edit")
    chunks = uploads.read_archive(request, settings.SNAPSHOT_MAX_BYTES)
    folder = _store_zip(request, workspace, chunks)
    words = {"upload": folder, **({"name": request.GET["name"]} if request.GET.get("name") else {})}
    address = f"{reverse('registry:register_settings', args=[slug])}?{urlencode(words)}"
    return redirect(address) if uploads.is_form(request) else JsonResponse({"next": address})


def _store_zip(request, workspace, chunks) -> str:
    """The path of the file or folder among the workspace's files, below the folder of uploads."""
    actor, folder = actor_of_request(request), sources.new_upload_folder()
    with tempfile.SpooledTemporaryFile(snapshots.SPOOL) as given:
        for chunk in chunks:
            given.write(chunk)
        # Before anything is unpacked: names, links and the size of it all.
        files, _ = snapshots.read_manifest(given)
        if not files:
            raise Invalid("The upload has no file.", target="archive")
        given.seek(0)
        with zipfile.ZipFile(given) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            start = "" if "rooted" in request.GET else code_uploads.common_folder([one.filename for one in entries])
            names = {entry.filename: entry.filename[len(start) :] for entry in entries}
            is_file = len(entries) == 1 and "/" not in names[entries[0].filename]
            root = names[entries[0].filename] if is_file else start.strip("/") or FOLDER
            for entry in entries:
                path = f"{folder}/{root}" if is_file else f"{folder}/{root}/{names[entry.filename]}"
                key = storage.make_key(WorkspaceFile.storage_area(workspace))
                with source.open(entry) as content:
                    blocks = iter(functools.partial(content.read, snapshots.BLOCK), b"")
                    WorkspaceFile.objects.put(actor, workspace, path, key, storage.put_stream(key, blocks))
    return f"{folder.removeprefix(sources.UPLOADS + '/')}/{root}"


class RegisterForm(forms.Form):
    name = TextField(rules.MODEL_NAME, help_text="An existing name gets a new version.")
    model_type = SelectField(
        rules.MODEL_TYPE,
        label="Type",
        required=False,
        choices=[("", "By its files"), *ModelVersion.Type.choices[:3]],
        help_text="A folder with a file MLmodel is an MLflow model.",
    )
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    tags = TagsField()
    framework = TextField(rules.FRAMEWORK, required=False, label="Framework")
    framework_version = TextField(rules.FRAMEWORK_VERSION, required=False, label="Framework version")


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def register_settings(request, slug):
    """`?upload=`, or `?job=` or `?datastore=` with `?path=`, select the files; a POST registers the version."""
    workspace = find_workspace(request, slug, "edit")
    uri, source = _read_source(request, slug)
    names = list(Model.objects.present().filter(workspace=workspace).values_list("name", flat=True)[:500])
    given = request.POST if request.method == "POST" else None
    form = RegisterForm(given, initial={"name": request.GET.get("name", "")})
    if request.method == "POST":
        made = attempt(form, lambda: _register(request, workspace, uri, form.cleaned_data))
        if made:
            messages.success(request, f"Version {made.number} of {made.model.name} is registered.")
            return redirect(made)
    context = {"form": form, "steps": list_steps(STEPS, 1), "source": source, "names": names}
    return render(request, "registry/register_settings.html", context, status=400 if form.errors else 200)


def _register(request, workspace, uri: str, data: dict) -> ModelVersion:
    name = data.pop("name")
    return registration.register_version(actor_of_request(request), workspace, name, uri, **data)


def _read_source(request, slug) -> tuple[str, str]:
    """The URI of the files, and their name for people."""
    path = (request.GET.get("path") or "").strip("/")
    if found := request.GET.get("upload", ""):
        uri = f"azureml://datastores/workspaceartifactstore/paths/{sources.UPLOADS}/{found}"
        return sources.check_source(uri), f"uploaded: {found.partition('/')[2]}"
    if store := request.GET.get("datastore", ""):
        if not path:
            raise Invalid("Write the path of the file or folder in the datastore.", target="path")
        return sources.check_source(f"azureml://datastores/{store}/paths/{path}"), f"{store}: {path}"
    run_id = request.GET.get("job", "")
    if not run_id:
        raise Invalid("Choose the files first: `upload`, or `job` or `datastore` with `path`.", target="upload")
    run = find_run(request, slug, run_id)
    uri = f"azureml://jobs/{run.run_id}/outputs/artifacts/paths/{path}"
    return sources.check_source(uri), f"{run.display_name}: {path or 'all files'}"
