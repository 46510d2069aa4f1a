"""Forms to edit a run and to read its files."""

from django import forms

from runs import rules
from runs.models import Run
from studio.forms import TagsField, TextField
from studio.rules import DESCRIPTION


class RunEdit(forms.Form):
    display_name = TextField(rules.DISPLAY_NAME, label="Display name")
    description = TextField(
        DESCRIPTION, required=False, widget=forms.Textarea(attrs={"rows": 6}), help_text="Markdown is supported."
    )
    tags = TagsField(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}))

    def save(self, run: Run) -> Run:
        new = self.cleaned_data
        gone = [name for name in run.tags if name not in new["tags"]]
        run.edit(display_name=new["display_name"], description=new["description"], tags=new["tags"], remove_tags=gone)
        return run


class ByteRange(forms.Form):
    """A position in a file."""

    path = forms.CharField(max_length=1000, strip=False)
    q = forms.CharField(required=False, max_length=500, strip=False)
    start = forms.IntegerField(required=False, min_value=0)
