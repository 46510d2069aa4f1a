"""What a person may ask of a list of runs."""

from django import forms

from runs.models import Run
from runs.pages.lists.columns import MOST as MOST_COLUMNS
from studio.forms import NumbersField, WordsField, cleaned_or_invalid
from studio.words import split_search

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
    col = WordsField(MOST_COLUMNS)
    pin = WordsField(MOST_COLUMNS)
    width = WordsField(MOST_COLUMNS)
    sort = WordsField(5)
    group = forms.CharField(required=False, max_length=300)
    unfold = WordsField(30, 1000)
    # Runs whose children are shown, and those that the charts leave out.
    open = NumbersField(100)
    hide = NumbersField(100)
    chart = WordsField(12, 256)
    charts = forms.ChoiceField(required=False, choices=[("", "Shown"), ("off", "Hidden")])
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
    size = forms.TypedChoiceField(
        required=False, coerce=int, empty_value=25, choices=[(size, str(size)) for size in SIZES]
    )
    view = forms.IntegerField(required=False, min_value=1)

    def clean_q(self) -> str:
        return " ".join(split_search(self.cleaned_data["q"]))

    @classmethod
    def read(cls, query) -> dict:
        """The checked words of the address."""
        return cleaned_or_invalid(cls(query))
