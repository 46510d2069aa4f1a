"""Forms of environments, with the rules of the API (assets/environments.py)."""

from django import forms

from assets import environments
from assets.models import EnvironmentVersion
from assets.rules import ENVIRONMENT_NAME
from compute.models import ComputeTarget
from runs.pages.variables_field import VariablesField
from studio.forms import TagsField, TextField, check_field
from studio.rules import DESCRIPTION
from workspaces.models import Workspace

CONDA, PIP = "conda", "pip"
PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
CONDA_EXAMPLE = """name: my-environment
dependencies:
- python=3.11
- numpy
- pip:
  - azureml-defaults
  - scikit-learn==1.5.2
"""
CODE = {"rows": 14, "class": "mono", "spellcheck": "false", "autocapitalize": "off"}


class EnvironmentForm(forms.Form):
    name = TextField(ENVIRONMENT_NAME, help_text="An existing name gets a new version; versions never change.")
    kind = forms.ChoiceField(
        label="Packages from",
        choices=[(CONDA, "Conda file"), (PIP, "Requirements file")],
        initial=CONDA,
        widget=forms.RadioSelect,
    )
    python = forms.ChoiceField(
        label="Python version",
        choices=[(version, version) for version in PYTHONS],
        initial="3.11",
        required=False,
        help_text="For a requirements file. A conda file names its own.",
    )
    packages = forms.CharField(
        label="Packages",
        max_length=environments.MAX_DEFINITION_BYTES,
        widget=forms.Textarea(attrs=CODE),
        initial=CONDA_EXAMPLE,
        strip=False,
        help_text="The text of conda.yml or of requirements.txt.",
    )
    variables = VariablesField()
    description = TextField(DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    tags = TagsField()

    def clean(self) -> dict:
        data = super().clean() or self.cleaned_data
        if "packages" in data and "kind" in data:
            try:
                data["conda"] = self._read_packages(data)
            except forms.ValidationError as error:
                self.add_error("packages", error)
        return data

    def _read_packages(self, data: dict) -> dict:
        if data["kind"] == CONDA:
            return check_field(environments.read_conda, data["packages"])
        conda = {"dependencies": [f"python={data['python'] or '3.11'}", {"pip": read_requirements(data["packages"])}]}
        check_field(environments.check_conda, conda, "packages")
        return conda

    def save(self, workspace: Workspace, user) -> tuple[EnvironmentVersion, bool]:
        """The version, and whether it is new."""
        data = self.cleaned_data
        definition = environments.definition_from_conda(data["name"], data["conda"], None)
        properties = {
            "definition": {**definition, "environmentVariables": data["variables"]},
            "description": data["description"],
            "tags": data["tags"],
        }
        return environments.register_version(workspace, user, data["name"], environments.AUTO, properties)


def read_requirements(text: str) -> list[str]:
    """The lines of a requirements file, without comments; lines that name other files are refused."""
    joined = text.replace("\\\r\n", "").replace("\\\n", "")
    lines = [line.split(" #")[0].strip() for line in joined.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        if line.split("=")[0].split()[0] in ("-r", "--requirement", "-c", "--constraint"):
            raise forms.ValidationError(f"{line[:100]!r}: there are no other files here. Write their lines instead.")
    if not lines:
        raise forms.ValidationError("Write at least one package.")
    return lines


def initial_from(version: EnvironmentVersion) -> dict:
    """The fields of a version as a person would have typed them."""
    fields = initial_from_definition(version.environment.name, version.definition)
    return {**fields, "description": version.description, "tags": version.tags}


def initial_from_definition(name: str, definition: dict) -> dict:
    return {
        "name": name,
        "kind": CONDA,
        "packages": environments.format_conda(definition) or "dependencies: []\n",
        "variables": definition.get("environmentVariables") or {},
    }


class RebuildForm(forms.Form):
    """The cluster that builds at once; without one, the next job builds."""

    compute = forms.ModelChoiceField(
        ComputeTarget.objects.none(),
        label="Compute cluster",
        to_field_name="name",
        required=False,
        empty_label="None: the next job on each machine builds it",
        help_text="A job on this cluster builds it at once and lists what was installed.",
    )

    def __init__(self, *args, workspace: Workspace, **kwargs):
        super().__init__(*args, **kwargs)
        targets = ComputeTarget.objects.filter(workspace=workspace, deleted_at=None).order_by("name")
        self.fields["compute"].queryset = targets
        self.fields["compute"].initial = targets.first() and targets[0].name
