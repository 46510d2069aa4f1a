"""The forms of the tabs Details, Test and Requests."""

from django import forms

from accounts.edit_conflicts import EditConflicts
from endpoints import kql, request_log, rules
from studio.forms import NumberField


class RequestForm(forms.Form):
    data = forms.CharField(  # type: ignore[assignment]
        label="Data",
        max_length=100_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text="The body of the request, as the entry script's run() gets it.",
    )


class QueryForm(forms.Form):
    since = forms.ChoiceField(
        label="Time range", required=False, choices=[(name, f"Last {name}") for name in request_log.SPANS]
    )
    query = forms.CharField(
        label="Query",
        max_length=kql.MAX_QUERY,
        widget=forms.Textarea(attrs={"rows": 3, "class": "code-input", "spellcheck": "false"}),
        help_text="Tables: requests, traces. Operators: " + ", ".join(kql.OPERATORS) + ".",
    )


class RequestsForm(forms.Form):
    since = forms.ChoiceField(
        label="Time range", required=False, choices=[(name, f"Last {name}") for name in request_log.SPANS]
    )
    status = forms.ChoiceField(
        label="Status", required=False, choices=[("", "All"), ("succeeded", "Succeeded"), ("failed", "Failed")]
    )
    query = forms.CharField(
        label="Query",
        required=False,
        max_length=kql.MAX_QUERY,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
        help_text="Tables: requests, traces. Operators: "
        + ", ".join(kql.OPERATORS)
        + ". Empty: the table of requests.",
    )


class ReplicasForm(EditConflicts, forms.Form):
    min_replicas = NumberField(
        rules.MIN_REPLICAS, label="Minimum", help_text="With 0, the first request after a pause waits for a start."
    )
    max_replicas = NumberField(rules.MAX_REPLICAS, label="Maximum")
