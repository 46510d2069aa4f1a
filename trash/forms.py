"""The form of a retention rule."""

from django import forms

from studio.forms import NumberField
from studio.rules import number_rule
from trash.models import RetentionRule

DAYS = number_rule("number of days", 1, 36_500)


class RetentionForm(forms.ModelForm):
    days = NumberField(DAYS, label="Days after the end")

    class Meta:
        model = RetentionRule
        fields = ["takes", "days", "experiments", "keep_tag", "keep_starred", "is_on"]
        labels = {
            "takes": "Delete",
            "experiments": "In experiments named",
            "keep_tag": "Except jobs with the tag",
            "keep_starred": "Except starred jobs",
            "is_on": "Turn on now",
        }
        help_texts = {
            "experiments": "Separate names with commas. * and ? are wildcards: tmp-*, test-?.",
            "keep_tag": "The name of the tag; any value matches. Leave it empty for no exception.",
        }

    def clean_experiments(self):
        return self.cleaned_data["experiments"].strip() or "*"
