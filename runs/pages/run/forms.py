"""What a person may change of a run, and ask of its files."""

from django import forms

from runs.models import Run


class RunEdit(forms.Form):
    display_name = forms.CharField(max_length=256, label="Display name")
    description = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown is supported.",
    )
    tags = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One tag per line as name: value. The value is optional.",
    )

    @classmethod
    def of(cls, run: Run, data=None):
        lines = [f"{name}: {value}" if value else name for name, value in run.tags.items()]
        present = {"display_name": run.display_name, "description": run.description, "tags": "\n".join(lines)}
        return cls(data, initial=present)

    def clean_tags(self) -> dict:
        tags: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["tags"].splitlines())):
            name, _, value = (part.strip() for part in line.partition(":"))
            if not name:
                raise forms.ValidationError(f"{line!r} has no name. Write each tag as name: value.")
            if name in tags:
                raise forms.ValidationError(f"There are two tags named {name!r}.")
            tags[name] = value
        return tags

    def save(self, run: Run) -> None:
        new = self.cleaned_data
        gone = [name for name in run.tags if name not in new["tags"]]
        run.edit(display_name=new["display_name"], description=new["description"], tags=new["tags"], remove_tags=gone)


class ByteRange(forms.Form):
    """Where in a file something is asked for."""

    path = forms.CharField(max_length=1000, strip=False)
    q = forms.CharField(required=False, max_length=500, strip=False)
    start = forms.IntegerField(required=False, min_value=0)
