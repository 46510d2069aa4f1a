"""Shared parts of forms: fields with a validation rule, fields of URLs, and errors of model methods as form errors."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from django import forms

from studio.errors import Conflict, Invalid
from studio.names import wire_name
from studio.request_body import load_json
from studio.rules import TAGS, Rule

Result = TypeVar("Result")
_LINE_BREAK = re.compile(r"\r\n?|\n")
_JSON_TEXT = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_QUOTED_TAG = re.compile(rf"(?P<name>{_JSON_TEXT})\s*:\s*(?P<value>{_JSON_TEXT})")
# The field that holds the key of a form's rendering; accounts/form_keys.py says what for.
FORM_KEY = "form_key"


def check_field(check, *arguments):
    """Apply a rule; raises its error as a form error."""
    try:
        return check(*arguments)
    except Invalid as error:
        raise forms.ValidationError(error.message) from error


def cleaned_or_invalid(form: forms.BaseForm) -> dict:
    """The cleaned values, or Invalid with the first error."""
    if not form.is_valid():
        name, errors = next(iter(form.errors.as_data().items()))
        raise Invalid(describe_error(form, name, errors[0]), target=name)
    return form.cleaned_data


def describe_error(form: forms.BaseForm, name: str, error: forms.ValidationError) -> str:
    """The error of a parameter with what is allowed; Django's own texts lack the name and the choices."""
    field, params = form.fields.get(name), error.params or {}
    if error.code == "required":
        return f"{name} is missing."
    allowed = _describe_allowed(field, error.code, params)
    if not allowed:
        return f"{name}: {error.messages[0]}"
    # A number as it was written.
    given = form.data.get(form.add_prefix(name), "")
    value = given if isinstance(field, forms.IntegerField) else params.get("value", given)
    return f"{name}={str(value)[:60]} is not allowed: write {allowed}."


def _describe_allowed(field: forms.Field | None, code: str | None, params: dict) -> str:
    if code == "invalid_choice" and isinstance(field, forms.ChoiceField | forms.TypedChoiceField):
        choices: Any = field.choices
        flat = [one for one in choices if not isinstance(one[1], list | tuple)]
        grouped = [one for _, group in choices if isinstance(group, list | tuple) for one in group]
        return _list_words([str(value) for value, _ in [*flat, *grouped] if str(value)])
    if code in ("min_value", "max_value"):
        return f"a number of {params['limit_value']} or {'more' if code == 'min_value' else 'less'}"
    if code == "max_length":
        return f"at most {params['limit_value']:,} characters"
    if code == "invalid" and isinstance(field, forms.IntegerField):
        return "a number" if isinstance(field, forms.FloatField) else "a whole number"
    return ""


def _list_words(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def attempt(form: forms.BaseForm, act: Callable[[], Result]) -> Result | None:
    """The result of `act` if the form is valid; None if not, or if `act` raises Invalid or Conflict, whose message is shown at its field."""
    if not form.is_valid():
        return None
    try:
        return act()
    except (Invalid, Conflict) as error:
        named = (name for name, field in form.fields.items() if error.target in _targets_of(name, field))
        form.add_error(next(named, None), error.message)
        return None


def _targets_of(name: str, field: forms.Field) -> tuple[str, ...]:
    """The names by which an error is about the field: its own, the one in the API, the one of its rule."""
    rule = getattr(field, "rule", None)
    return name, wire_name(name.replace("_", " ")), rule.target if rule else name


class TextField(forms.CharField):
    """A text with a validation rule; an optional one is not checked when empty. `max_length` is for the browser alone."""

    def __init__(self, rule: Rule, *, max_length: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule
        if length := max_length or rule.limits.get("maxLength"):
            self.widget.attrs.setdefault("maxlength", str(length))

    def clean(self, value):
        text = super().clean(value)
        return check_field(self.rule.check, text) if text else text


class JsonField(forms.CharField):
    """A text of JSON with a validation rule for its value; None if it is empty."""

    widget = forms.Textarea

    def __init__(self, rule: Rule, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule

    def clean(self, value):
        text = super().clean(value)
        return check_field(lambda: self.rule.check(load_json(text, "text"))) if text else None


class NumberField(forms.IntegerField):
    """A whole number with a validation rule; an optional one is not checked when empty."""

    def __init__(self, rule: Rule, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule
        self.widget.attrs |= {"min": rule.limits["minimum"], "max": rule.limits["maximum"]}

    def clean(self, value):
        number = super().clean(value)
        return number if number is None else check_field(self.rule.check, number)


class DecimalNumberField(forms.FloatField):
    """The same for a number with decimals."""

    def __init__(self, rule: Rule, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule
        self.widget.attrs |= {"min": rule.limits["minimum"], "max": rule.limits["maximum"], "step": "any"}

    def clean(self, value):
        number = super().clean(value)
        return number if number is None else check_field(self.rule.check, number)


class SelectField(forms.ChoiceField):
    """One of the words of a rule, which are also the labels by default; an optional one is not checked when empty."""

    def __init__(self, rule: Rule, *, choices=(), **kwargs):
        super().__init__(choices=choices or [(word, word) for word in rule.limits["enum"]], **kwargs)
        self.rule = rule

    def valid_value(self, value) -> bool:
        # The rule refuses others, by the same message as for a request's.
        return True

    def clean(self, value):
        word = super().clean(value)
        return check_field(self.rule.check, word) if word else word


class TagsField(forms.CharField):
    """Tags as text: `name: value`, one a line; a name alone has an empty value.

    What a line cannot contain, such as a colon in a name or a line break in a value, is in quotes as in JSON: `"a:b": "1\\n2"`.
    """

    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "team: vision"})
    rule = TAGS

    def __init__(self, **kwargs):
        words = {"required": False, "help_text": "One tag per line as name: value. The value is optional."}
        super().__init__(**{**words, **kwargs})

    def clean(self, value):
        return check_field(self.rule.check, parse_tags(super().clean(value)))

    def prepare_value(self, value):
        if not isinstance(value, dict):
            return value
        return "\n".join(_write_tag(name, str(text)) for name, text in value.items())

    def merge(self, shown: str, own: str, present: str) -> str | None:
        """The tags as text, with the changes from `shown` to both other texts; None if one tag was changed by both."""
        try:
            before, mine, theirs = (parse_tags(text) for text in (shown, own, present))
        except forms.ValidationError:
            return None
        merged = {}
        for name in theirs | mine:
            values = before.get(name), mine.get(name), theirs.get(name)
            if values[0] not in values[1:] and values[1] != values[2]:
                return None
            value = values[2] if values[1] == values[0] else values[1]
            if value is not None:
                merged[name] = value
        return self.prepare_value(merged)


def parse_tags(text: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for line in filter(None, map(str.strip, _LINE_BREAK.split(text))):
        name, value = _read_tag(line)
        if not name:
            raise forms.ValidationError(f"{line!r} has no name. Write each tag as name: value.")
        if name in tags:
            raise forms.ValidationError(f"There are two tags named {name!r}.")
        tags[name] = value
    return tags


def _read_tag(line: str) -> tuple[str, str]:
    quoted = _QUOTED_TAG.fullmatch(line)
    if quoted:
        return json.loads(quoted["name"]), json.loads(quoted["value"])
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _write_tag(name: str, value: str) -> str:
    line = f"{name}: {value}" if value else name
    if not _LINE_BREAK.search(line) and _read_tag(line.strip()) == (name, value):
        return line
    return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"


class RepeatedField(forms.Field):
    """A query parameter that may be repeated."""

    widget = forms.MultipleHiddenInput

    def __init__(self, max_count: int, max_length: int = 300, **kwargs):
        super().__init__(required=False, **kwargs)
        self.max_count, self.max_length = max_count, max_length

    def to_python(self, value) -> list[str]:
        words = list(dict.fromkeys(word for word in value or [] if word))
        if len(words) > self.max_count:
            raise forms.ValidationError(f"{len(words)} are given; {self.max_count} are allowed.")
        if long := [word for word in words if len(word) > self.max_length]:
            raise forms.ValidationError(f"{long[0][:60]!r}… is longer than {self.max_length} characters.")
        return words


class RepeatedKeyField(RepeatedField):
    """A repeated parameter of primary keys."""

    def to_python(self, value) -> list[int]:  # type: ignore[override]
        words = super().to_python(value)
        if wrong := [word for word in words if not (word.isascii() and word.isdigit() and len(word) < 19)]:
            raise forms.ValidationError(f"{wrong[0][:60]!r} is not a number.")
        return [int(word) for word in words]
