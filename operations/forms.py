"""The form of an announcement."""

from django import forms

from operations import rules
from studio.forms import SelectField, TextField


def _moment(label: str, help_text: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
    formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    return forms.DateTimeField(required=False, label=label, help_text=help_text, widget=widget, input_formats=formats)


class AnnouncementForm(forms.Form):
    text = TextField(
        rules.ANNOUNCEMENT,
        widget=forms.TextInput(attrs={"placeholder": "The studio is upgraded on Friday from 18:00 to 18:30 UTC."}),
    )
    level = SelectField(rules.LEVEL, choices=rules.AnnouncementLevel.choices)
    starts_at = _moment("Start (UTC)", "Leave empty to start now.")
    ends_at = _moment("End (UTC)", "Leave empty to show it until you end it.")
