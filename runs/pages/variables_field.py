"""The field for environment variables, of a job and of an environment."""

import json

from django import forms

from assets import variables
from studio.forms import check_field

CODE = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "class": "mono"}


class VariablesField(forms.CharField):
    """Environment variables as text: `NAME=value`, one a line. A value with line breaks or quotes is written as JSON."""

    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "OMP_NUM_THREADS=4", **CODE})

    def __init__(self, **kwargs):
        words = {"label": "Environment variables", "help_text": "One per line as NAME=value."}
        super().__init__(required=False, strip=False, **words, **kwargs)

    def clean(self, value):
        return check_field(variables.check_variables, parse_variables(super().clean(value)), "environmentVariables")

    def prepare_value(self, value):
        return format_variables(value) if isinstance(value, dict) else value


def format_variables(given: dict[str, str | None]) -> str:
    return "\n".join(f"{name}={_quote(value or '')}" for name, value in given.items())


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
