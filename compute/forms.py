"""What a person types about a cluster; the rules are those of the API (compute/rules.py)."""

from django import forms

from compute import rules
from compute.models import Scale
from studio.forms import NumberField, TagsField, TextField
from studio.rules import DESCRIPTION


class ScaleForm(forms.Form):
    min_nodes = NumberField(
        rules.MIN_NODES,
        label="Minimum number of nodes",
        initial=0,
        help_text="These nodes always run, so that jobs start at once.",
    )
    max_nodes = NumberField(
        rules.MAX_NODES, label="Maximum number of nodes", initial=1, help_text="How many jobs can run at the same time."
    )
    idle_seconds = NumberField(rules.IDLE_SECONDS, label="Idle seconds before scale down", initial=120)
    description = TextField(
        DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Markdown is not rendered."
    )
    tags = TagsField()

    @property
    def scale(self) -> Scale:
        data = self.cleaned_data
        return Scale(data["min_nodes"], data["max_nodes"], data["idle_seconds"])


class ClusterForm(ScaleForm):
    name = TextField(
        rules.COMPUTE_NAME,
        label="Compute name",
        max_length=32,
        help_text="2 to 32 letters, digits and hyphens, starting with a letter and not ending in a hyphen.",
    )
    field_order = ["name", "min_nodes", "max_nodes", "idle_seconds"]


class MachineForm(forms.Form):
    """The first step: which kind of sizes to show."""

    kind = forms.ChoiceField(label="Virtual machine type", choices=[("cpu", "CPU"), ("gpu", "GPU")])
