"""What forms of all apps share: fields of addresses, and our rules as a form's errors."""

from django import forms

from studio.errors import Invalid


def check_field(check, *arguments):
    """A rule of the house as a form's error."""
    try:
        return check(*arguments)
    except Invalid as error:
        raise forms.ValidationError(error.message) from error


def cleaned_or_invalid(form: forms.Form) -> dict:
    """The cleaned values, or Invalid with the first thing that is wrong."""
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise Invalid(f"{name}: {errors[0]}", target=name)
    return form.cleaned_data


class RepeatedField(forms.Field):
    """A word of the address that may stand there many times."""

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
    """Keys of rows."""

    def to_python(self, value) -> list[int]:  # type: ignore[override]
        words = super().to_python(value)
        if wrong := [word for word in words if not (word.isascii() and word.isdigit() and len(word) < 19)]:
            raise forms.ValidationError(f"{wrong[0][:60]!r} is no number.")
        return [int(word) for word in words]
