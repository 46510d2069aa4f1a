"""Forms to edit a run and to read its files."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from runs import rules
from studio.forms import TagsField, TextField
from studio.rules import DESCRIPTION


class RunEdit(EditConflicts, forms.Form):
    display_name = TextField(rules.DISPLAY_NAME, label="Display name")
    description = TextField(
        DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 6}), help_text="Markdown is supported."
    )
    tags = TagsField(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}))


class ByteRange(forms.Form):
    """A position in a file."""

    path = forms.CharField(max_length=1000, strip=False)
    q = forms.CharField(required=False, max_length=500, strip=False)
    start = forms.IntegerField(required=False, min_value=0)
