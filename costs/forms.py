"""The form of the cost page."""

import datetime as dt

from django import forms
from django.utils import timezone

from costs.report import DIMENSIONS

MAX_DAYS = 1100


class CostFilter(forms.Form):
    """The filter of the page and its file; without dates it covers this month until today."""

    by = forms.ChoiceField(required=False, label="Group by", choices=list(DIMENSIONS.items()))
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    compute = forms.CharField(required=False, max_length=64)
    experiment = forms.CharField(required=False, max_length=255)
    person = forms.CharField(required=False, max_length=150)

    def __init__(self, data, default_dimension: str):
        today = timezone.now().date()
        given = {"by": default_dimension, "since": today.replace(day=1), "until": today}
        given |= {name: value for name, value in data.items() if value}
        super().__init__(given)

    def clean(self):
        given = super().clean()
        since, until = given.get("since"), given.get("until")
        if since and until and since > until:
            raise forms.ValidationError(f"{since} is after {until}: choose an earlier first day.")
        if since and until and (until - since).days >= MAX_DAYS:
            raise forms.ValidationError(f"Choose at most {MAX_DAYS} days.")
        return given

    @property
    def days(self) -> list[dt.date]:
        first, last = self.cleaned_data["since"], self.cleaned_data["until"]
        return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]

    def narrow(self, rows):
        """Rows of all days, of the compute, experiment and person of the filter."""
        given = self.cleaned_data
        return rows.filter(**{name: given[name] for name in ("compute", "experiment", "person") if given[name]})

    def apply(self, rows):
        return self.narrow(rows).between_days(self.cleaned_data["since"], self.cleaned_data["until"])
