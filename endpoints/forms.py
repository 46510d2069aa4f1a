"""The form of the tab Test."""

from django import forms


class RequestForm(forms.Form):
    data = forms.CharField(  # type: ignore[assignment]
        label="Data",
        max_length=100_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "code-input", "spellcheck": "false"}),
        help_text="The body of the request, as the entry script's run() gets it.",
    )
