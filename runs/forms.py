"""What a person may ask of a list of runs, and may change of a run."""

from django import forms

from runs.models import Run
from runs.pages.lists.columns import MOST as MOST_COLUMNS
from studio import numbers
from studio.errors import Invalid
from studio.words import searched

SIZES = [10, 25, 50, 100]
# The counters above a list, as Azure groups the states.
GROUPS = {
    "Running": [Run.Status.RUNNING, Run.Status.FINALIZING],
    "Completed": [Run.Status.COMPLETED],
    "Failed": [Run.Status.FAILED],
    "Canceled": [Run.Status.CANCELED],
    "Queued": [
        Run.Status.NOT_STARTED,
        Run.Status.PREPARING,
        Run.Status.PROVISIONING,
        Run.Status.STARTING,
        Run.Status.QUEUED,
    ],
    "Other": [Run.Status.CANCEL_REQUESTED],
}


class Words(forms.Field):
    """A word of the address that may stand there many times."""

    widget = forms.MultipleHiddenInput

    def __init__(self, most: int, longest: int = 300, **kwargs):
        super().__init__(required=False, **kwargs)
        self.most, self.longest = most, longest

    def to_python(self, value) -> list[str]:
        words = list(dict.fromkeys(word for word in value or [] if word))
        if len(words) > self.most:
            raise forms.ValidationError(f"{len(words)} are given; {self.most} are allowed.")
        if long := [word for word in words if len(word) > self.longest]:
            raise forms.ValidationError(f"{long[0][:60]!r}… is longer than {self.longest} characters.")
        return words


class Numbers(Words):
    """Keys of rows."""

    def to_python(self, value) -> list[int]:
        words = super().to_python(value)
        found = [numbers.as_whole(word) for word in words]
        if None in found:
            raise forms.ValidationError(f"{words[found.index(None)][:60]!r} is no number.")
        return found


class RunFilter(forms.Form):
    """The query of an address of a list; a word that is not allowed is an error that says what is."""

    # Which runs.
    q = forms.CharField(required=False, max_length=200)
    filter = forms.CharField(required=False, max_length=3000)
    status = forms.MultipleChoiceField(required=False, choices=[(name, name) for name in GROUPS])
    mine = forms.BooleanField(required=False)
    starred = forms.BooleanField(required=False)
    children = forms.BooleanField(required=False)
    # How they are shown: see runs/pages/lists/columns.py.
    col = Words(MOST_COLUMNS)
    pin = Words(MOST_COLUMNS)
    width = Words(MOST_COLUMNS)
    sort = Words(5)
    group = forms.CharField(required=False, max_length=300)
    unfold = Words(30, 1000)
    # Runs whose children are shown, and those that the charts leave out.
    open = Numbers(100)
    hide = Numbers(100)
    chart = Words(12, 256)
    charts = forms.ChoiceField(required=False, choices=[("", "Shown"), ("off", "Hidden")])
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
    size = forms.TypedChoiceField(
        required=False, coerce=int, empty_value=25, choices=[(size, str(size)) for size in SIZES]
    )
    view = forms.IntegerField(required=False, min_value=1)

    def clean_q(self) -> str:
        return " ".join(searched(self.cleaned_data["q"]))

    @classmethod
    def read(cls, query) -> dict:
        """The checked words of the address."""
        return checked(cls(query))


class RunEdit(forms.Form):
    display_name = forms.CharField(max_length=256, label="Display name")
    description = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown is shown as such.",
    )
    tags = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One tag per line, written name: value. The value may be left out.",
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
                raise forms.ValidationError(f"{line!r} has no name: write name: value.")
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


def checked(form: forms.Form) -> dict:
    """The cleaned values, or Invalid with the first thing that is wrong."""
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Invalid(f"{name}: {errors[0]}", target=name)
    return form.cleaned_data
