"""Query parameters of the metrics tab and its script."""

from django import forms

from runs.charts import metric_cards
from studio import numbers
from studio.errors import Invalid

MAX_WIDTH = 4000
MAX_AT_ONCE = 60
AXES = ["step", "relative", "time"]


class MetricsForm(forms.Form):
    """The address of the tab. `group` and `q` change the set of cards; the script reads the rest (static/js/metrics/settings.js)."""

    q = forms.CharField(required=False, max_length=200)
    group = forms.TypedChoiceField(
        required=False, choices=list(metric_cards.GROUPS.items()), coerce=str, empty_value="prefix"
    )
    x = forms.CharField(required=False, max_length=260)
    log = forms.ChoiceField(required=False, choices=[(word, word) for word in ("y", "x", "xy")])
    clip = forms.ChoiceField(required=False, choices=[(word, word) for word in ("0", "1", "5")])
    smooth = forms.FloatField(required=False, min_value=0, max_value=0.99)

    def clean_x(self) -> str:
        x = self.cleaned_data["x"]
        if x and x not in AXES and not x.startswith("m:"):
            raise forms.ValidationError(f"write {', '.join(AXES)} or m:METRIC, not {x[:60]!r}.")
        return x


class KeysField(forms.Field):
    """Primary keys, separated by commas."""

    def to_python(self, value) -> list[int]:
        words = [word for word in str(value or "").split(",") if word]
        if len(words) > MAX_AT_ONCE:
            raise forms.ValidationError(f"{len(words)} series; ask for {MAX_AT_ONCE} at most.")
        found = [numbers.int_or_none(word) for word in words]
        keys = [key for key in found if key is not None]
        if len(keys) < len(found):
            raise forms.ValidationError(f"{str(value)[:200]!r}: write the numbers of series, with commas between.")
        return keys


class LinesForm(forms.Form):
    series = KeysField()
    width = forms.IntegerField(required=False, min_value=10, max_value=MAX_WIDTH)
    axis = forms.ChoiceField(required=False, choices=[(word, word) for word in ("step", "time", "metric")])
    metric = forms.IntegerField(required=False, min_value=1)

    def __init__(self, query):
        super().__init__(query)
        # `from` is a keyword of Python.
        self.fields["from"] = forms.FloatField(required=False)
        self.fields["to"] = forms.FloatField(required=False)

    def clean(self):
        given = self.cleaned_data
        start, end = given.get("from"), given.get("to")
        if (start is None) != (end is None) or (start is not None and start > end):
            self.add_error("from", "write from and to, the smaller first.")
        if given.get("axis") == "metric" and not given.get("metric"):
            self.add_error("metric", "write which metric is the axis.")
        return given


class RowsForm(forms.Form):
    start = forms.IntegerField(required=False, min_value=0, max_value=10**9)


def parse_positions(words: list[str]) -> dict[str, int]:
    """From `at=<position>~<title>` (repeated): the positions of moved cards in their sections."""
    found = {}
    for word in words:
        position, _, title = word.partition("~")
        number = numbers.int_or_none(position)
        if number is None or not 0 <= number < 10_000 or not title:
            raise Invalid(f"at={word[:200]!r}: write a position from 0 on, `~`, and the title of a chart.", target="at")
        found[title] = number
    return found
