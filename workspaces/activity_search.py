"""Read the activity log of a workspace or of the site: with filters, page by page, and as a download."""

import datetime as dt
import json
from collections.abc import Iterator

from django import forms
from django.db.models import Q, QuerySet

from accounts.activity import HASHED, Activity, list_verb_choices
from accounts.actors import Actor, require_site_admin
from studio.downloads import write_csv
from studio.words import split_words
from workspaces.access import require
from workspaces.models import Workspace

BATCH = 2000
# The last day of the calendar has no next day.
LAST_DAY = dt.date(9999, 12, 30)
# Columns of the download; the hashes are in JSON lines alone, with which they can be checked.
COLUMNS = [name for name in HASHED if name != "previous"]


class ActivityFilter(forms.Form):
    """The filter of a page, a download or a request; empty fields have no effect."""

    q = forms.CharField(required=False, max_length=200, label="Search")
    person = forms.CharField(required=False, max_length=150)
    verb = forms.ChoiceField(required=False, label="Activity", choices=[("", "All"), *list_verb_choices()])
    outcome = forms.ChoiceField(required=False, choices=[("", "All"), *Activity.Outcome.choices])
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    request = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def apply(self, rows: QuerySet[Activity]) -> QuerySet[Activity]:
        """The rows that match, the newest first."""
        given = self.cleaned_data
        for word in split_words(given["q"]):
            rows = rows.filter(
                Q(actor_name__icontains=word)
                | Q(label__icontains=word)
                | Q(message__icontains=word)
                | Q(verb__icontains=word)
            )
        if given["person"]:
            rows = rows.filter(actor_name__iexact=given["person"])
        for field in ("verb", "outcome"):
            if given[field]:
                rows = rows.filter(**{field: given[field]})
        if given["request"]:
            rows = rows.filter(request_id=given["request"])
        if given["since"]:
            rows = rows.filter(at__gte=_midnight(given["since"]))
        if given["until"]:
            rows = rows.filter(at__lt=_midnight(min(given["until"], LAST_DAY)) + dt.timedelta(days=1))
        return rows.order_by("-pk")


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def list_activities(actor: Actor, workspace: Workspace | None) -> QuerySet[Activity]:
    """The activities of a workspace, for its Owners; without one those of the site, for site admins."""
    if workspace is not None:
        require(actor, "read_activity", workspace)
        return Activity.objects.filter(chain=workspace.pk)
    require_site_admin(actor, "read the activity log of the whole site")
    return Activity.objects.all()


def iterate_batches(rows: QuerySet[Activity]) -> Iterator[Activity]:
    """All of them in many short statements."""
    before = None
    while True:
        batch = list((rows if before is None else rows.filter(pk__lt=before))[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        before = batch[-1].pk


def iterate_rows(rows: QuerySet[Activity]) -> Iterator[list]:
    yield COLUMNS
    for row in iterate_batches(rows):
        values = [getattr(row, name) for name in COLUMNS]
        yield [json.dumps(value) if isinstance(value, dict) else value for value in values]


def iterate_csv(rows: QuerySet[Activity]) -> Iterator[str]:
    return write_csv(iterate_rows(rows))


def iterate_json_lines(rows: QuerySet[Activity]) -> Iterator[str]:
    for row in iterate_batches(rows):
        yield row.to_json() + "\n"
