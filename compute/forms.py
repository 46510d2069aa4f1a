"""What a person types about a cluster. The rules are the models' (`Scale`, `ComputeTarget.create`); here they meet fields."""

from django import forms

from compute.models import ComputeTarget, Scale
from studio.errors import Conflict, Invalid
from studio.forms import TagsField

# Which field of the form the API's word for it means.
FIELDS = {
    "minNodeCount": "min_nodes",
    "maxNodeCount": "max_nodes",
    "nodeIdleTimeBeforeScaleDown": "idle_seconds",
    "compute name": "name",
    "name": "name",
}


class ScaleForm(forms.Form):
    min_nodes = forms.IntegerField(
        label="Minimum number of nodes", initial=0, help_text="So many are kept warm, and start a job at once."
    )
    max_nodes = forms.IntegerField(
        label="Maximum number of nodes", initial=1, help_text="So many jobs can run at the same time."
    )
    idle_seconds = forms.IntegerField(label="Idle seconds before scale down", initial=120)
    description = forms.CharField(
        required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3}), help_text="Markdown is not rendered."
    )
    tags = TagsField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, min_value, max_value in (
            ("min_nodes", 0, Scale.MAX_NODES),
            ("max_nodes", 1, Scale.MAX_NODES),
            ("idle_seconds", 0, Scale.MAX_IDLE_SECONDS),
        ):
            if name in self.fields:
                self.fields[name].widget.attrs |= {"min": min_value, "max": max_value}

    @property
    def scale(self) -> Scale:
        data = self.cleaned_data
        return Scale(data["min_nodes"], data["max_nodes"], data["idle_seconds"])

    def attempt(self, act) -> bool:
        """Do it; a refusal becomes the error of the field that it is about."""
        if not self.is_valid():
            return False
        try:
            act(self)
        except (Invalid, Conflict) as error:
            field = FIELDS.get(error.target)
            self.add_error(field if field in self.fields else None, error.message)
            return False
        return True


class ClusterForm(ScaleForm):
    name = forms.CharField(
        label="Compute name",
        max_length=32,
        help_text="2 to 32 letters, digits and hyphens, starting with a letter and not ending in a hyphen.",
    )
    field_order = ["name", "min_nodes", "max_nodes", "idle_seconds"]


class MachineForm(forms.Form):
    """The first step: which machines."""

    location = forms.CharField(max_length=40)
    tier = forms.ChoiceField(label="Virtual machine tier", choices=ComputeTarget.Priority)
    kind = forms.ChoiceField(label="Virtual machine type", choices=[("cpu", "CPU"), ("gpu", "GPU")])
