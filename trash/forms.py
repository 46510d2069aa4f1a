"""What a person may write as a rule of retention."""

from django import forms

from trash.models import RetentionRule


class RetentionForm(forms.ModelForm):
    class Meta:
        model = RetentionRule
        fields = ["takes", "days", "experiments", "keep_tag", "keep_starred", "is_on"]
        labels = {
            "takes": "Let go of",
            "days": "Days after the end",
            "experiments": "In experiments named",
            "keep_tag": "Except jobs with the tag",
            "keep_starred": "Except jobs that somebody has starred",
            "is_on": "On from now",
        }
        help_texts = {
            "experiments": "With * and ?; several with commas between, such as tmp-*, test-?.",
            "keep_tag": "Its name, whatever its value. Empty: no exception.",
        }

    def clean_days(self):
        days = self.cleaned_data["days"]
        if not 1 <= days <= 36_500:
            raise forms.ValidationError("Write a number of days from 1 to 36,500.")
        return days

    def clean_experiments(self):
        return self.cleaned_data["experiments"].strip() or "*"
