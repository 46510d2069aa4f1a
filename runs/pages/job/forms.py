"""The form of a job: of one that is submitted again with changes, and of a new one. The rules are those of the API."""

import posixpath
import shlex

from django import forms
from django.http import Http404

from assets import environments
from compute.models import ComputeTarget
from runs import job_changes, rules
from runs.models import Experiment
from runs.pages.job.fields import HoursField, LinesField
from runs.pages.job.prefilled import KEEP, PACKAGES, REGISTERED, Prefilled
from runs.pages.variables_field import CODE, VariablesField
from studio.forms import TagsField, TextField, check_field
from studio.rules import DESCRIPTION
from workspaces.models import Workspace

# Suggested values; others are allowed.
MAX_SUGGESTED = 200


class JobForm(forms.Form):
    display_name = TextField(
        rules.DISPLAY_NAME_OR_EMPTY,
        required=False,
        label="Display name",
        help_text="Leave empty to use the name of the job.",
    )
    experiment_name = TextField(
        rules.EXPERIMENT_NAME,
        label="Experiment",
        help_text="A new name creates an experiment.",
        widget=forms.TextInput(attrs={"list": "experiments", "autocomplete": "off"}),
    )
    description = TextField(
        DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Markdown is supported."
    )
    script = TextField(rules.COMMAND, label="Script", widget=forms.TextInput(attrs={**CODE, "list": "scripts"}))
    arguments = LinesField(
        rules.COMMAND, rows=2, required=False, label="Arguments", help_text="Quote an argument that has spaces in it."
    )
    command = LinesField(
        rules.COMMAND,
        rows=4,
        label="Command",
        help_text="Runs in bash, in the folder of the code, with the environment active. Example: python train.py --lr 0.1",
    )
    environment = forms.ChoiceField(label="Environment", widget=forms.RadioSelect)
    environment_id = forms.CharField(
        required=False,
        max_length=300,
        label="Environment",
        help_text="name:version, or name@latest.",
        widget=forms.TextInput(attrs={"list": "environments", **CODE}),
    )
    conda_file = forms.CharField(
        required=False,
        label="Conda file",
        widget=forms.Textarea(attrs={"rows": 10, **CODE}),
        help_text="The packages are installed when the job starts, unless a node has them already.",
    )
    compute_id = forms.ChoiceField(label="Compute target", error_messages={"required": "Choose a compute target."})
    environment_variables = VariablesField()
    timeout = HoursField(label="Time limit in hours", help_text="The job is canceled after this time.")
    tags = TagsField()

    def __init__(self, data, workspace: Workspace, prefilled: Prefilled, files: list[str] | None = None):
        """`files` are the paths of the code, in which the script must be; None if that is not known."""
        super().__init__(data, initial=prefilled.values)
        self.workspace, self.prefilled, self.code_files = workspace, prefilled, files
        for name in ["command"] if prefilled.values.get("script") else ["script", "arguments"]:
            del self.fields[name]
        self.fields["environment"].choices = self._environment_choices()
        self.fields["compute_id"].choices = _compute_choices(workspace)
        for name, field in self.fields.items():
            field.widget.attrs["data-original"] = field.prepare_value(self.initial.get(name, "")) or ""

    def _environment_choices(self) -> list[tuple[str, str]]:
        name = "Default environment" if self.prefilled.is_new else f"{self.prefilled.environment_name} (as it is)"
        kept = [(KEEP, name)] if self.prefilled.definition else []
        return [*kept, (REGISTERED, "Registered environment"), (PACKAGES, "Edit the packages")]

    @property
    def suggestions(self) -> dict[str, list[str]]:
        """The suggested values below the fields."""
        there = Experiment.objects.filter(workspace=self.workspace, deleted_at=None).order_by("name")
        scripts = [path for path in self.code_files or [] if path.endswith((".py", ".sh"))]
        return {
            "experiments": list(there.values_list("name", flat=True)[:MAX_SUGGESTED]),
            "environments": suggest_environments(self.workspace),
            "scripts": scripts[:MAX_SUGGESTED],
        }

    def clean_script(self) -> str:
        script = self.cleaned_data["script"]
        is_known = script == self.initial.get("script") and not self.prefilled.has_other_code
        if self.code_files is not None and not is_known and posixpath.normpath(script) not in self.code_files:
            raise forms.ValidationError(f"The code has no file {script!r}.")
        return script

    def clean_arguments(self) -> str:
        try:
            shlex.split(self.cleaned_data["arguments"])
        except ValueError as error:
            raise forms.ValidationError(f"The arguments cannot be read: {error}. Close every quote.") from error
        return self.cleaned_data["arguments"]

    def clean_conda_file(self) -> str:
        text = self.cleaned_data["conda_file"].replace("\r\n", "\n")
        if self.data.get("environment") == PACKAGES:
            check_field(environments.read_conda, text)
        return text

    def clean_environment_id(self) -> str:
        reference = self.cleaned_data["environment_id"]
        if self.data.get("environment") != REGISTERED:
            return ""
        if not reference:
            raise forms.ValidationError("Choose an environment.")
        try:
            return _exact_reference(self.workspace, reference)
        except Http404 as error:
            raise forms.ValidationError(str(error)) from error

    def changed_names(self) -> list[str]:
        """The fields that differ from their initial values, after validation."""
        before = {} if self.prefilled.is_new else self.initial
        names = [name for name, value in self.cleaned_data.items() if _differs(value, before.get(name))]
        kind = self.cleaned_data["environment"]
        unused = {KEEP: {"conda_file"}, REGISTERED: {"conda_file"}, PACKAGES: {"environment_id"}}[kind]
        if kind == PACKAGES and "conda_file" not in names:
            unused |= {"environment"}
        return [name for name in names if name not in unused]

    def changed_labels(self) -> list[str]:
        """The labels of the changed fields, without duplicates."""
        labels = [str(self[name].label) for name in self.changed_names()]
        return list(dict.fromkeys("Environment" if label == "Conda file" else label for label in labels))

    def describe_environment(self) -> str:
        """The name of the chosen environment; the form has to be valid."""
        kind = self.cleaned_data["environment"]
        chosen = {REGISTERED: self.cleaned_data["environment_id"], PACKAGES: "The edited packages"}
        return chosen.get(kind) or dict(self.fields["environment"].choices)[kind]

    def read_changes(self) -> dict:
        """For job_changes.change_job."""
        names, data = self.changed_names(), self.cleaned_data
        plain = {
            "experiment_name": "experimentName",
            "description": "description",
            "command": "command",
            "compute_id": "computeId",
            "environment_variables": "environmentVariables",
            "timeout": job_changes.TIMEOUT,
            "tags": "tags",
        }
        changes = {field: data[name] for name, field in plain.items() if name in names}
        if "script" in names or "arguments" in names:
            changes["commandArgv"] = self._read_argv("script" in names)
        if data["display_name"]:
            changes["displayName"] = data["display_name"]
        return changes | self._read_environment(names)

    def _read_argv(self, has_other_script: bool) -> list[str]:
        script = self.cleaned_data["script"]
        interpreter = job_changes.interpreter_of(script) if has_other_script else self.prefilled.interpreter
        return [interpreter, script, *shlex.split(self.cleaned_data["arguments"])]

    def _read_environment(self, names: list[str]) -> dict:
        if "environment_id" in names:
            return {"environmentId": self.cleaned_data["environment_id"]}
        if "environment" in names and self.cleaned_data["environment"] == PACKAGES:
            return {"environmentDefinition": self._edited_environment()}
        return {}

    def _edited_environment(self) -> dict:
        """The job's own environment with the edited packages."""
        conda = environments.read_conda(self.cleaned_data["conda_file"])
        base = self.prefilled.definition or environments.definition_from_conda("environment", conda, None)
        name = f"{str(base.get('name') or 'environment').removesuffix('-edited')}-edited"
        python = {**(base.get("python") or {}), "userManagedDependencies": False, "condaDependencies": conda}
        return {**base, "name": name, "version": None, "python": python}


def _differs(value, initial) -> bool:
    if isinstance(value, str):
        return value.strip() != str(initial or "").strip()
    return (value or None) != (initial or None)


def _exact_reference(workspace: Workspace, reference: str) -> str:
    """Replace `latest` by its current version, so that the job does not change later."""
    found = environments.find_version(workspace, *environments.parse_reference(reference))
    return f"{found.environment.name}:{found.version}"


def _compute_choices(workspace: Workspace) -> list[tuple[str, str]]:
    present = (
        ComputeTarget.objects.present()
        .filter(workspace=workspace)
        .exclude(kind=ComputeTarget.Kind.INFERENCE)
        .select_related("cluster")
        .order_by("name")
    )
    return [("", "Choose…"), *((target.name, _describe_target(target)) for target in present)]


def _describe_target(target: ComputeTarget) -> str:
    if not target.is_cluster:
        return f"{target.name} – {target.vm_size}, compute instance"
    scale = target.scale_settings
    return f"{target.name} – {target.vm_size}, {scale.min_nodes} to {scale.max_nodes} nodes"


def suggest_environments(workspace: Workspace) -> list[str]:
    own = workspace.environments.prefetch_related("versions").exclude(versions=None)[:MAX_SUGGESTED]
    named = [f"{row.name}:{version.version}" for row in own for version in row.versions.all()[:5]]
    return [*named[:MAX_SUGGESTED], *(f"{name}:1" for name in environments.curated_environments())]
