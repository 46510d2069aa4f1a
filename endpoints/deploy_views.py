"""Deploy a model from its page, an MLflow model also without an entry script, or a copy of a version with another model."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from endpoints import deployment, entry_scripts, mlflow_models, rules
from endpoints.models import Endpoint
from registry.models import ModelVersion
from registry.pages.access import find_version
from runs.pages.access import find_workspace
from runs.pages.job.forms import suggest_environments
from studio.errors import Conflict, Invalid
from studio.forms import DecimalNumberField, NumberField, SelectField, TextField, attempt
from studio.rules import DESCRIPTION
from studio.wizard import list_steps
from workspaces.models import Workspace

CONTAINER = "Container instance"
# How many versions of models the form that adds a version offers, the newest ones.
OFFERED = 200


class DeployForm(forms.Form):
    name = TextField(
        rules.ENDPOINT_NAME,
        label="Endpoint name",
        max_length=32,
        help_text="3 to 32 lower-case letters, digits and dashes, starting with a letter.",
    )
    version_name = TextField(
        rules.ENDPOINT_NAME,
        label="Version",
        required=False,
        max_length=32,
        help_text="The name of a version, such as blue, if the endpoint is new or has versions: they share its requests. Leave "
        "empty for an endpoint without versions.",
    )
    overwrite = forms.BooleanField(
        label="Update the endpoint of this name",
        required=False,
        help_text="Its next revision takes over when it is ready. Address, keys, authentication and description stay.",
    )
    compute_name = forms.ChoiceField(
        label="Compute", required=False, help_text="A container instance is a process on a machine of the studio."
    )
    authentication = SelectField(
        rules.AUTHENTICATION,
        label="Authentication",
        choices=[("key", "Key"), ("token", "Token that expires"), ("none", "None: anyone may call it")],
        help_text="What requests must have. A present endpoint keeps what it has.",
    )
    has_insights = forms.BooleanField(
        label="Application Insights",
        required=False,
        help_text="Records each request with its duration and what run() prints, for 7 days.",
    )
    script = forms.CharField(
        label="Entry script",
        required=False,
        strip=False,
        max_length=entry_scripts.MAX_SCRIPT,
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono", "spellcheck": "false"}),
        help_text="init() is called once, run() for each request.",
    )
    archive = forms.FileField(
        label="Or a folder as a zip",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
        help_text="For a script that needs other files. It is used instead of the text.",
    )
    entry_script = TextField(
        rules.ENTRY_SCRIPT,
        label="File of the entry script",
        required=False,
        initial=entry_scripts.FILE_NAME,
        help_text="Its path in the zip, or the name for the text.",
    )
    environment_id = forms.CharField(
        label="Environment",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"list": "environments", "autocomplete": "off"}),
    )
    min_replicas = NumberField(
        rules.MIN_REPLICAS,
        label="Minimum number of replicas",
        initial=1,
        help_text="With 0, the first request after a pause waits until a replica has started.",
    )
    max_replicas = NumberField(rules.MAX_REPLICAS, label="Maximum number of replicas", initial=1)
    concurrency = NumberField(
        rules.CONCURRENCY,
        label="Requests at a time",
        initial=1,
        help_text="Of each replica; further requests wait for a turn.",
    )
    cores = NumberField(
        rules.CORES,
        label="Cores",
        required=False,
        help_text="Reserved for each replica on its node. Leave empty to share the node.",
    )
    memory_gb = DecimalNumberField(
        rules.MEMORY,
        label="Memory (GB)",
        required=False,
        help_text="Reserved for each replica, which is started again if it uses more.",
    )
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data, files, version: ModelVersion, initial: dict | None = None):
        super().__init__(data, files, initial=initial)
        self.needs_script = not mlflow_models.is_servable(version)
        # An update begins with the script that is deployed, if it is the only file.
        has_script = self.initial.get("entry_script") is not None
        self.fields["environment_id"].help_text = "name:version, or name@latest."
        if self.needs_script:
            self.fields["script"].initial = "" if has_script else entry_scripts.make_template(version)
            self.fields["environment_id"].required = True
        else:
            self.fields["environment_id"].help_text += " Leave empty for the model's conda.yaml or requirements.txt."
        clusters = version.workspace.compute_targets.present().for_services().order_by("name")
        self.fields["compute_name"].choices = [  # type: ignore[attr-defined]
            ("", CONTAINER),
            *((one.name, one.name) for one in clusters),
        ]

    def clean(self):
        found = super().clean()
        if self.needs_script and not found.get("archive") and not (found.get("script") or "").strip():
            self.add_error("script", "This model needs an entry script: write it here, or choose a zip.")
        return found


class VersionForm(forms.Form):
    version_name = TextField(
        rules.ENDPOINT_NAME,
        label="Version",
        max_length=32,
        help_text="3 to 32 lower-case letters, digits and dashes, starting with a letter.",
    )
    models = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"list": "model-versions", "autocomplete": "off"}),
        help_text="Choose one, or write several as NAME:VERSION, separated by commas. Leave empty for the models of the "
        "copied version.",
    )
    copied = forms.ChoiceField(
        label="Copied version", help_text="The entry script, environment, compute and replicas are the same."
    )

    def __init__(self, data, endpoint: Endpoint):
        super().__init__(data)
        versions = sorted(endpoint.versions.all(), key=lambda version: version.name)
        shown = {one.version_name: one.current or one.newest for one in versions}
        self.revisions = {name: revision for name, revision in shown.items() if revision}
        self.fields["copied"].choices = [(name, name) for name in self.revisions]  # type: ignore[attr-defined]

    def clean_models(self) -> list[str]:
        return [one.strip() for one in self.cleaned_data["models"].split(",") if one.strip()]


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def add_version(request, slug: str, name: str):
    """The form, and the new version as a copy of another one, also with other models."""
    workspace = find_workspace(request, slug, "edit")
    endpoint = Endpoint.objects.with_state().filter(workspace=workspace, name=name, has_versions=True).first()
    if endpoint is None:
        raise Http404(f"There is no endpoint {name} with versions.")
    form = VersionForm(request.POST or None, endpoint)
    version = attempt(form, lambda: _copy_version(request, endpoint, form)) if form.is_bound else None
    if version:
        messages.success(request, _describe_creation(version))
        return redirect(endpoint)
    offered = ModelVersion.objects.present().filter(workspace=workspace, model__deleted_at=None).select_related("model")
    context = {"form": form, "endpoint": endpoint, "steps": list_steps(["Add version"], 0)}
    context["offered"] = offered.order_by("-created_at")[:OFFERED]
    return render(request, "endpoints/add_version.html", context)


def _copy_version(request, endpoint: Endpoint, form: VersionForm) -> Endpoint:
    data = form.cleaned_data
    models = [deployment.find_model(endpoint.workspace, reference) for reference in data["models"]] or None
    version = Endpoint.create_version(endpoint, request.user, data["version_name"])
    try:
        deployment.deploy_again(actor_of_request(request), form.revisions[data["copied"]], version, models)
    except (Conflict, Invalid):
        version.remove()
        raise
    return version


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def deploy_model(request, slug: str, name: str, number: int):
    """The form, and the new endpoint or version with its first revision."""
    find_workspace(request, slug, "edit")
    version = find_version(request, slug, name, number)
    named = Endpoint.objects.with_state().without_versions().filter(workspace=version.workspace)
    updated = named.filter(name=request.GET.get("endpoint", "")).first()
    initial = _describe_revision(updated) if updated else None
    form = DeployForm(request.POST or None, request.FILES or None, version, initial)
    endpoint = attempt(form, lambda: _create(request, version, form.cleaned_data)) if request.method == "POST" else None
    if endpoint:
        messages.success(request, _describe_creation(endpoint))
        return redirect(endpoint)
    context = {"form": form, "version": version, "steps": list_steps(["Deploy"], 0)}
    context["environments"] = suggest_environments(version.workspace)
    context["updated"] = updated
    return render(request, "endpoints/deploy.html", context)


def _describe_revision(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of the form that repeat what the endpoint runs now."""
    shown = endpoint.current or endpoint.newest
    fields: dict[str, Any] = {"name": endpoint.name, "overwrite": True, "has_insights": endpoint.has_insights}
    if shown is None:
        return fields
    version = shown.environment.get("version")
    return fields | {
        "script": entry_scripts.read_only_script(shown),
        "entry_script": shown.entry_script or entry_scripts.FILE_NAME,
        "environment_id": f"{shown.environment_name}:{version}" if shown.environment_name and version else "",
        "compute_name": shown.target.name if shown.target and shown.target.is_cluster else "",
        "min_replicas": shown.min_replicas,
        "max_replicas": shown.max_replicas,
        "concurrency": shown.settings["concurrency"],
        "cores": shown.settings.get("cores"),
        "memory_gb": shown.settings.get("memoryGB"),
    }


def _describe_creation(endpoint: Endpoint) -> str:
    if endpoint.newest and endpoint.newest.number > 1:
        return f"Revision {endpoint.newest.number} was created, and takes over when it is ready."
    if endpoint.parent is None:
        return f"The endpoint {endpoint.name} was created. Its state is on this page."
    words = "gets all requests" if endpoint.is_default else "gets no requests until you give it traffic"
    return f"The version {endpoint.version_name} of {endpoint.parent.name} was created. It {words}."


def _create(request, version: ModelVersion, data: dict) -> Endpoint:
    workspace = version.workspace
    target = workspace.compute_targets.present().for_services().filter(name=data["compute_name"]).first()
    name = data["entry_script"] or entry_scripts.FILE_NAME
    snapshot = entry_scripts.store_script(version, request.user, name, data["script"], data["archive"])
    wanted = deployment.Deployment(
        models=[version],
        entry_script=name if snapshot else "",
        snapshot=snapshot,
        environment_id=data["environment_id"] or None,
        environment=None if data["environment_id"] else mlflow_models.make_environment(version),
        target=target,
        min_replicas=data["min_replicas"],
        max_replicas=data["max_replicas"],
        concurrency=data["concurrency"],
        cores=data["cores"],
        memory_gb=data["memory_gb"],
    )
    # A refused deployment leaves no endpoint.
    with transaction.atomic():
        endpoint = _create_endpoint(workspace, request.user, data)
        deployment.deploy_revision(actor_of_request(request), endpoint, wanted)
    return endpoint


def _create_endpoint(workspace: Workspace, user, data: dict) -> Endpoint:
    """The endpoint that is deployed: a new one, a new version of a new or present one, or the one that is updated."""
    name, version_name = data["name"], data["version_name"]
    fields = {"description": data["description"], "has_insights": data["has_insights"]}
    fields |= {"auth_enabled": data["authentication"] == "key", "token_auth_enabled": data["authentication"] == "token"}
    present = Endpoint.objects.with_state().without_versions().filter(workspace=workspace, name=name).first()
    if not version_name and not (present and data["overwrite"]):
        return Endpoint.create(workspace, user, name, **fields)
    if present is None:
        present = Endpoint.create(workspace, user, name, has_versions=True, **fields)
    elif data["has_insights"] and not present.has_insights:
        present.change(has_insights=True)
    if not version_name:
        return present
    return Endpoint.create_version(present, user, version_name, description=data["description"])
