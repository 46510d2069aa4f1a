"""The forms of the tabs Details and Test."""

from django import forms

from endpoints import rules


class RequestForm(forms.Form):
    data = forms.CharField(  # type: ignore[assignment]
        label="Data",
        max_length=100_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "code-input", "spellcheck": "false"}),
        help_text="The body of the request, as the entry script's run() gets it.",
    )


class ScaleForm(forms.Form):
    min_replicas = forms.IntegerField(
        label="Minimum",
        min_value=0,
        max_value=rules.MAX_REPLICAS,
        help_text="With 0, the first request after a pause waits for a start.",
    )
    max_replicas = forms.IntegerField(label="Maximum", min_value=1, max_value=rules.MAX_REPLICAS)
