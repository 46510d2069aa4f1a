"""Fields of the form of a job: texts with lines, environment variables, and hours."""

import json

from django import forms

from assets import variables
from runs.rules import MAX_COMMAND_LENGTH
from runs.submission import MAX_TIMEOUT_SECONDS
from studio import rules
from studio.forms import TextField, check_field

COMMAND = rules.text_rule("command", max_length=MAX_COMMAND_LENGTH, allow_lines=True)
CODE = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "class": "mono"}


class LinesField(TextField):
    """Converts the line ends of browsers, because a shell would read their first character as part of a word."""

    def __init__(self, rule: rules.Rule, *, rows: int, **kwargs):
        super().__init__(rule, widget=forms.Textarea(attrs={"rows": rows, **CODE}), **kwargs)

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n").replace("\r", "\n")


class VariablesField(forms.CharField):
    """Environment variables as text: `NAME=value`, one a line. A value with line breaks or quotes is written as
    JSON."""

    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "OMP_NUM_THREADS=4", **CODE})

    def __init__(self, **kwargs):
        words = {"label": "Environment variables", "help_text": "One per line as NAME=value."}
        super().__init__(required=False, strip=False, **words, **kwargs)

    def clean(self, value):
        return check_field(variables.check_variables, parse_variables(super().clean(value)), "environmentVariables")

    def prepare_value(self, value):
        return format_variables(value) if isinstance(value, dict) else value


def format_variables(given: dict[str, str]) -> str:
    return "\n".join(f"{name}={_quote(value)}" for name, value in given.items())


def _quote(value: str) -> str:
    is_plain = value == value.strip() and not value.startswith('"') and len(value.splitlines()) < 2
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def parse_variables(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, mark, value = line.partition("=")
        if not mark or not name:
            raise forms.ValidationError(f"{line[:100]!r} is not an environment variable. Write each one as NAME=value.")
        if name in found:
            raise forms.ValidationError(f"The variable {name} is written twice.")
        found[name] = _unquote(value)
    return found


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise forms.ValidationError(
            f'{value[:100]} begins with a quote: write it as JSON text, such as "a\\nb", or without quotes.'
        ) from error


class HoursField(forms.FloatField):
    """A time limit as whole seconds; empty for none."""

    def __init__(self, **kwargs):
        max_hours = MAX_TIMEOUT_SECONDS // 3600
        super().__init__(required=False, min_value=1 / 3600, max_value=max_hours, **kwargs)
        self.widget.attrs |= {"step": "any", "min": "0", "placeholder": "No limit"}

    def clean(self, value):
        hours = super().clean(value)
        return None if hours is None else max(1, round(hours * 3600))

    def prepare_value(self, value):
        return f"{value / 3600:.6g}" if isinstance(value, int) else value
