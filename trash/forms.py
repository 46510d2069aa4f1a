"""What a person may write as a rule of retention."""

from django import forms

from trash.models import RetentionRule


class RetentionForm(forms.ModelForm):
    class Meta:
        model = RetentionRule
        fields = ["takes", "days", "experiments", "keep_tag", "keep_starred", "is_on"]
        labels = {
            "takes": "Delete",
            "days": "Days after the end",
            "experiments": "In experiments named",
            "keep_tag": "Except jobs with the tag",
            "keep_starred": "Except starred jobs",
            "is_on": "Turn on now",
        }
        help_texts = {
            "experiments": "Separate names with commas. * and ? are wildcards: tmp-*, test-?.",
            "keep_tag": "The name of the tag; any value matches. Leave it empty for no exception.",
        }

    def clean_days(self):
        days = self.cleaned_data["days"]
        if not 1 <= days <= 36_500:
            raise forms.ValidationError("Write a number of days from 1 to 36,500.")
        return days

    def clean_experiments(self):
        return self.cleaned_data["experiments"].strip() or "*"
