"""The form of a retention rule."""

from django import forms

from studio.forms import NumberField, TextField
from trash import rules
from trash.models import RetentionRule


class RetentionForm(forms.ModelForm):
    days = NumberField(rules.DAYS, label="Days after the end")
    experiments = TextField(
        rules.EXPERIMENTS,
        label="In experiments named",
        help_text="Separate names with commas. * and ? are wildcards: tmp-*, test-?.",
    )
    keep_tag = TextField(
        rules.TAG_NAME,
        required=False,
        label="Except jobs with the tag",
        help_text="The name of the tag; any value matches. Leave it empty for no exception.",
    )

    class Meta:
        model = RetentionRule
        fields = ["takes", "days", "experiments", "keep_tag", "keep_starred", "is_on"]
        labels = {
            "takes": "Delete",
            "keep_starred": "Except starred jobs",
            "is_on": "Turn on now",
        }
