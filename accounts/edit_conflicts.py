"""Two people, or two tabs, edit the same object: no value is overwritten that its editor has not seen.

The page sends beside each value the one that it showed, as `initial-<name>`; Django's name for it.
"""

import contextlib
import copy
import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from accounts import activity
from studio.errors import Conflict
from studio.etags import lock_path
from studio.forms import TagsField, cleaned_or_invalid

MAX_SHOWN = 2000
NOT_SAVED = "Your change is not saved: copy it, reload the page and edit again."


class EditConflicts(forms.BaseForm):
    """Mixin for a form that edits the object `edited`, whose present values are `initial`.

    A field, or a tag, that only somebody else changed keeps their value. One that both changed is an error with the other value;
    the page is sent with `status`, and saving again replaces the value.
    """

    def __init__(self, *args, edited: Any = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.edited = edited or getattr(self, "instance", None)
        # What somebody else changed meanwhile, by field.
        self.conflicts: dict[str, str] = {}
        for field in self.fields.values():
            field.show_hidden_initial = True
        for bound in self if self.is_bound else ():
            if bound.html_initial_name in self.data:
                self._compare(bound)

    @property
    def status(self) -> int:
        return 409 if self.conflicts else 200

    def _compare(self, bound: forms.BoundField) -> None:
        field = bound.field
        present = _as_text(field.prepare_value(bound.initial))
        shown = _as_text(field.hidden_widget().value_from_datadict(self.data, self.files, bound.html_initial_name))
        own = _as_text(bound.data)
        if present in (shown, own):
            return
        merged = field.merge(shown, own, present) if isinstance(field, TagsField) else present if own == shown else None
        data: Any = copy.copy(self.data)
        data[bound.html_initial_name] = present
        self.data = data
        if merged is not None:
            data[bound.html_name] = merged
        else:
            self.conflicts[bound.name] = describe_conflict(self.edited, bound.name, present)

    def clean(self):
        super().clean()
        for name, conflict in self.conflicts.items():
            self.add_error(name, f"{conflict} Save again to replace it.")
        return self.cleaned_data


def _as_text(value) -> str:
    """A value as a browser sends it, whatever its line breaks."""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def describe_conflict(edited, field: str, present: str) -> str:
    shown = f"“{present[:MAX_SHOWN]}{'…' if len(present) > MAX_SHOWN else ''}”" if present else "empty"
    last = activity.find_last_change(edited, field)
    by = f" by {last.actor_name} {_format_age(last.at)}" if last else ""
    return f"Changed{by} after this page was opened. It is now {shown}."


def _format_age(at: dt.datetime) -> str:
    is_new = timezone.now() - at < dt.timedelta(minutes=1)
    return "a moment ago" if is_new else f"{timesince(at, depth=1)} ago"


@contextlib.contextmanager
def edit_in_turn(request: HttpRequest) -> Iterator[None]:
    """Make the second of two edits through one URL read the object after the first has stored its values."""
    if request.method != "POST":
        yield
        return
    with transaction.atomic():
        lock_path(request.path_info)
        yield


def check_unchanged(sent, name: str, edited, present: str) -> None:
    """The same for a form of one field: raises Conflict."""
    if present not in (sent.get(f"initial-{name}", present), sent.get(name)):
        raise Conflict(f"{describe_conflict(edited, name, present)} {NOT_SAVED}")


def read_single_field(sent, name: str) -> dict[str, str]:
    """The data of a form from an editor in place, which sends one field as `value`, and as `initial` what it showed."""
    found = {name: sent.get("value", "").replace("\r\n", "\n")}
    if "initial" in sent:
        found[f"initial-{name}"] = sent["initial"]
    return found


def cleaned_or_conflict(form: EditConflicts) -> dict:
    """The cleaned values; Conflict if somebody else changed one meanwhile, Invalid with the first error."""
    if form.conflicts:
        [conflict, *_] = form.conflicts.values()
        raise Conflict(f"{conflict} {NOT_SAVED}")
    return cleaned_or_invalid(form)
