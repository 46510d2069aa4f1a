"""Forms of the Notebooks page."""

from django import forms

from notebooks import rules
from studio.forms import SelectField, TextField


class PathField(TextField):
    """A path as it is: a space at its end belongs to the name."""

    def __init__(self):
        super().__init__(rules.FILE_PATH, strip=False)


class PathForm(forms.Form):
    path = PathField()


class NewForm(forms.Form):
    kind = SelectField(rules.FILE_KIND, choices=list(rules.FILE_KINDS.items()))
    folder = PathField()
    name = TextField(rules.FILE_NAME)


class MoveForm(forms.Form):
    path = PathField()
    folder = PathField()
    name = TextField(rules.FILE_NAME)


class TextForm(forms.Form):
    path = PathField()
    version = forms.CharField(max_length=100)
    # Lines end as in the file: browsers send CR LF.
    text = forms.CharField(required=False, strip=False, max_length=2_000_000)


class UploadForm(forms.Form):
    folder = PathField()
    replaces = forms.BooleanField(required=False)
