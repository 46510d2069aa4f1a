"""Forms of the Notebooks page."""

from django import forms

from runs.files.paths import MAX_PATH_LENGTH, check_path
from studio.forms import check_field
from studio.visible_names import problem_with

KINDS = [("notebook", "Notebook"), ("file", "File"), ("folder", "Folder")]


class PathField(forms.CharField):
    def __init__(self, **options):
        super().__init__(max_length=MAX_PATH_LENGTH, strip=False, **options)

    def clean(self, value):
        text = super().clean(value)
        return check_field(check_path, text) if text else text


class NameField(PathField):
    """The name of a file or folder: a path with one part. Names that begin with a period are reserved for programs."""

    def clean(self, value):
        name = super().clean(value.strip() if isinstance(value, str) else value)
        if "/" in name:
            raise forms.ValidationError("A name cannot contain a slash.")
        if problem := problem_with(name):
            raise forms.ValidationError(f"The name {problem}")
        if name.startswith("."):
            raise forms.ValidationError("Names that begin with a period are kept for programs.")
        return name


class PathForm(forms.Form):
    path = PathField()


class NewForm(forms.Form):
    kind = forms.ChoiceField(choices=KINDS)
    folder = PathField()
    name = NameField()


class MoveForm(forms.Form):
    path = PathField()
    folder = PathField()
    name = NameField()


class TextForm(forms.Form):
    path = PathField()
    version = forms.CharField(max_length=100)
    # Lines end as in the file: browsers send CR LF.
    text = forms.CharField(required=False, strip=False, max_length=2_000_000)


class UploadForm(forms.Form):
    folder = PathField()
    replaces = forms.BooleanField(required=False)
