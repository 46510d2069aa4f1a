"""The forms of the administration: an announcement, and the values of an action on many rows."""

from django import forms

from compute.rules import DRAIN_REASON
from operations import rules
from operations.bulk import BulkVerb
from studio.forms import SelectField, TextField
from workspaces.models import UserGroup


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


class BulkForm(forms.Form):
    """The fields of one action on many rows."""

    group = forms.ChoiceField()
    heir = forms.CharField(
        label="User name of the new owner", max_length=150, help_text="Needed if one of the accounts owns something."
    )
    reason = TextField(DRAIN_REASON, help_text="People whose jobs wait for a drained machine see it.")
    until = _moment("Until (UTC)", "Leave empty to open them again yourself.")
    # The time of the preview.
    at = forms.DateTimeField(widget=forms.HiddenInput, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])

    def __init__(self, verb: BulkVerb, data=None):
        super().__init__(data)
        for name in set(self.fields) - set(verb.fields):
            del self.fields[name]
        for name, field in self.fields.items():
            field.required = name not in verb.optional
        if "group" in self.fields:
            names = list(UserGroup.objects.order_by("name").values_list("name", flat=True)[:1000])
            self.fields["group"] = forms.ChoiceField(choices=[(name, name) for name in names])
