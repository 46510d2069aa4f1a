"""Fields of the form of a job: texts with lines, and hours."""

from django import forms

from runs.pages.variables_field import CODE
from runs.rules import TIMEOUT
from studio.forms import TextField, check_field
from studio.rules import Rule


class LinesField(TextField):
    """Converts the line ends of browsers, because a shell would read their first character as part of a word."""

    def __init__(self, rule: Rule, *, rows: int, **kwargs):
        super().__init__(rule, widget=forms.Textarea(attrs={"rows": rows, **CODE}), **kwargs)

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n").replace("\r", "\n")


class HoursField(forms.FloatField):
    """A time limit as whole seconds; empty for none."""

    rule = TIMEOUT

    def __init__(self, **kwargs):
        super().__init__(required=False, **kwargs)
        max_hours = self.rule.limits["maximum"] // 3600
        self.widget.attrs |= {"step": "any", "min": "0", "max": max_hours, "placeholder": "No limit"}

    def clean(self, value):
        hours = super().clean(value)
        return None if hours is None else check_field(self.rule.check, round(hours * 3600))

    def prepare_value(self, value):
        return f"{value / 3600:.6g}" if isinstance(value, int) else value
