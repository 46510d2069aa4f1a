"""The forms that divide the requests of an endpoint between its versions, and guard that."""

from typing import Any

from django import forms
from django.http import QueryDict

from accounts.edit_conflicts import EditConflicts
from endpoints import rules
from endpoints.models import Endpoint
from studio.errors import Invalid
from studio.forms import NumberField


def list_rows(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The versions with what they get of 100 requests, also as the default."""
    shares = endpoint.shares
    versions = sorted(endpoint.versions.all(), key=lambda version: version.name)
    return [{"version": version, "share": shares[version.version_name]} for version in versions]


def read_shares(endpoint: Endpoint, sent: QueryDict) -> tuple[dict[str, int], Endpoint | None]:
    """The shares by version that were sent as `share-VERSION`, and the version named by `default`."""
    shares = {}
    versions = {version.version_name: version for version in endpoint.versions.all()}
    for name in versions:
        value = sent.get(f"share-{name}", "")
        if not value.isdecimal() or len(value) > 3:
            raise Invalid(
                f"The traffic of {name} is {value[:20]!r}: write a whole number from 0 to 100.", target="traffic"
            )
        shares[name] = int(value)
    default = sent.get("default", "")
    if default and default not in versions:
        raise Invalid(f"There is no version {default[:40]!r}.", target="default")
    return shares, versions.get(default)


class GuardForm(EditConflicts, forms.Form):
    failures = NumberField(
        rules.GUARD_FAILURES,
        label="Failures (points more)",
        required=False,
        help_text="How many percentage points more of its requests may fail than of other versions. Empty: no limit.",
    )
    p95 = NumberField(
        rules.GUARD_P95,
        label="Latency, p95 (% more)",
        required=False,
        help_text="How much longer than that of the other versions it may be. Empty: no limit.",
    )
    requests = NumberField(
        rules.GUARD_REQUESTS, label="Requests", help_text="A version is judged once it has had this many requests."
    )
