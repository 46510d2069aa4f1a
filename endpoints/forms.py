"""The forms of the tabs Details, Test and Requests."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.edit_conflicts import EditConflicts
from endpoints import kql, mlflow_models, request_log, rules
from endpoints.models import Endpoint
from registry.signatures import SignatureColumn
from studio.errors import Invalid
from studio.forms import NumberField

# Characters of the body of a test request, and the columns of a signature for which the tab has fields.
MAX_BODY, MAX_COLUMNS = 100_000, 50
# How many other endpoints the tab Test offers for a comparison.
MAX_OTHERS = 100


class RequestForm(forms.Form):
    data = forms.CharField(  # type: ignore[assignment]
        label="Data",
        required=False,
        max_length=MAX_BODY,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text="The body of the request, which the entry script's run() receives.",
    )
    file = forms.FileField(label="Or a file", required=False, help_text="Its text is sent instead of the data.")
    version = forms.ChoiceField(label="Version", required=False)
    compare = forms.ChoiceField(
        label="Compare with",
        required=False,
        help_text="It gets the same request, and both answers are shown side by side.",
    )

    def __init__(self, *args, endpoint: Endpoint, columns: Sequence[SignatureColumn] = (), **kwargs):
        super().__init__(*args, **kwargs)
        self.endpoint = endpoint
        self.columns = {
            f"column_{number}": one
            for number, one in enumerate(columns[:MAX_COLUMNS])
            if one.name and one.shape is None
        }
        for name, column in self.columns.items():
            self.fields[name] = forms.CharField(
                label=column.name, required=False, max_length=1000, help_text=column.kind
            )
        self._versions = {one.name: one for one in endpoint.versions.select_related("current").order_by("name")}
        found = Endpoint.objects.with_state().filter(workspace=endpoint.workspace, has_versions=False)
        others = found.exclude(pk=endpoint.pk).order_by("name")[:MAX_OTHERS]
        self._others = {one.name: one for one in others}
        compared = [("", "None"), *((name, name) for name in self._others)]
        versions = [(name, one.version_name) for name, one in self._versions.items()]
        self.fields["compare"].choices = compared  # type: ignore[attr-defined]
        self.fields["version"].choices = versions  # type: ignore[attr-defined]
        if not endpoint.has_versions:
            del self.fields["version"]

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.columns]

    def clean(self):
        found = super().clean()
        texts = {name: found[name] for name in self.columns if found.get(name)}
        if found.get("file"):
            found["data"] = self._read_file(found["file"])
        elif texts:
            found["data"] = self._write_row(texts)
        elif not found.get("data") and "data" not in self.errors:
            self.add_error("data", "Write the body of the request, or choose a file.")
        return found

    def _read_file(self, file) -> str:
        try:
            if file.size <= MAX_BODY:
                return file.read().decode()
            self.add_error("file", f"The file has {file.size:,} bytes; {MAX_BODY:,} are allowed here.")
        except UnicodeDecodeError:
            self.add_error("file", "The file is no UTF-8 text.")
        return ""

    def _write_row(self, texts: dict[str, str]) -> str:
        """The body with one row of the columns that are filled in."""
        values: dict[str, Any] = {}
        for name, column in self.columns.items():
            try:
                if name in texts or column.is_required:
                    values[column.name] = mlflow_models.read_value(column, texts.get(name, ""))
            except Invalid as error:
                self.add_error(name, error.message)
        body = {"dataframe_split": {"columns": list(values), "data": [list(values.values())]}}
        return json.dumps(body, indent=2, ensure_ascii=False)

    @property
    def called(self) -> list[Endpoint]:
        """The endpoints or versions that get the request."""
        chosen = self._versions.get(self.cleaned_data.get("version", ""), self.endpoint)
        other = self._others.get(self.cleaned_data["compare"])
        return [chosen, *([other] if other and other != chosen else [])]


class WorkspaceQueryForm(forms.Form):
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
        + ". Leave empty for the table of requests.",
    )


class AlertsForm(EditConflicts, forms.Form):
    p95 = NumberField(
        rules.LATENCY_LIMIT,
        label="Latency, p95 (ms)",
        required=False,
        help_text="Over the last five minutes. Leave empty for no alert.",
    )
    failures = NumberField(
        rules.FAILURE_LIMIT,
        label="Failed requests (%)",
        required=False,
        help_text="Over the last five minutes, if there were at least 5 requests.",
    )
    quiet = NumberField(
        rules.QUIET_LIMIT, label="No requests (minutes)", required=False, help_text="Since the last request."
    )


class ReplicasForm(EditConflicts, forms.Form):
    min_replicas = NumberField(
        rules.MIN_REPLICAS,
        label="Minimum",
        help_text="With 0, the first request after a pause waits until a replica has started.",
    )
    max_replicas = NumberField(rules.MAX_REPLICAS, label="Maximum")
