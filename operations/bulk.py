"""One action on many rows of a list of the administration. Its preview is the action itself, rolled back, so it counts exactly
what the action takes; the action is refused if it would take anything else."""

import dataclasses
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import QueryDict

from accounts.actors import Actor
from studio.errors import Conflict, Denied, Invalid
from studio.formats import digest_json

MAX_AT_ONCE = 500
# The fields whose values are part of what a preview shows.
DECIDING = ("group", "heir")


@dataclasses.dataclass(frozen=True)
class BulkVerb:
    """`act` changes one row with its row of the activity log, and returns what else it took in words; it raises Conflict for
    a row that it leaves as it is. `fields` are the values that it needs besides the rows (operations/forms.py), those in
    `optional` may be empty."""

    title: str
    effect: str
    act: Callable[[Actor, Any, dict[str, Any]], str]
    fields: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    is_danger: bool = False

    def check_given(self, given: dict[str, Any]) -> dict[str, Any]:
        """The values of its fields; Invalid names one that is missing or that it does not have."""
        for name, value in given.items():
            if value and name not in self.fields:
                raise Invalid(f"{name} is not a field of this action.", target=name)
        if missing := [name for name in self.fields if name not in self.optional and not given.get(name)]:
            raise Invalid(f"{missing[0]} is missing.", target=missing[0])
        return {name: given.get(name) for name in self.fields}


@dataclasses.dataclass(frozen=True)
class BulkKind:
    """The rows of a list: `find` returns those with these names, in any order."""

    noun: str
    plural: str
    find: Callable[[list[str]], list[Any]]
    name_of: Callable[[Any], str]
    verbs: dict[str, BulkVerb]
    # The rows that match the query of the list.
    match: Callable[[QueryDict], QuerySet]
    # The list that its page leads back to.
    page: str

    def list_matching(self, query: QueryDict) -> list[str]:
        """The names of all rows that match a list, and one more than allowed if there are too many."""
        return [self.name_of(row) for row in self.match(query)[: MAX_AT_ONCE + 1]]

    def find_verb(self, name: str) -> BulkVerb:
        if name not in self.verbs:
            raise Invalid(f"action={name[:30]!r}: write one of {', '.join(self.verbs)}.", target="action")
        return self.verbs[name]

    def find_rows(self, names: list[str]) -> list[Any]:
        """The named rows, by name; Conflict names those that no longer exist."""
        wanted = set(names)
        if not 0 < len(wanted) <= MAX_AT_ONCE:
            raise Invalid(
                f"Select 1 to {MAX_AT_ONCE} of the list; {len(wanted):,} are selected. Narrow the search.",
                target="names",
            )
        rows = sorted(self.find(sorted(wanted)), key=self.name_of)
        if missing := sorted(wanted - {self.name_of(row) for row in rows}):
            raise Conflict(f"Not found, so nothing was done: {', '.join(missing[:5])[:300]}.", target="names")
        return rows


@dataclasses.dataclass
class BulkOutcome:
    """(name, what it took) of each changed row, and (name, why) of each that was left as it is."""

    given: dict[str, Any] = dataclasses.field(default_factory=dict)
    done: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    refused: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def token(self) -> str:
        """Two outcomes with the same token changed the same rows in the same way."""
        given = {name: str(value or "") for name, value in self.given.items() if name in DECIDING}
        return digest_json([given, self.done, self.refused])

    def describe(self, noun: str, plural: str) -> str:
        left = f"; {len(self.refused):,} left as before" if self.refused else ""
        return f"{len(self.done):,} {noun if len(self.done) == 1 else plural} changed{left}."


def act_on_rows(
    act: Callable[[Any], str],
    rows: list[Any],
    name_of: Callable[[Any], str],
    *,
    given: dict[str, Any] | None = None,
    previewed: str = "",
    is_dry: bool = False,
) -> BulkOutcome:
    """Change the rows in one transaction. `previewed` is the token of the outcome that a page has shown; if this one is
    another, nothing is changed. A dry run changes nothing either."""
    outcome = BulkOutcome(given or {})
    with transaction.atomic():
        for row in rows:
            try:
                with transaction.atomic():
                    outcome.done.append((name_of(row), act(row)))
            except (Conflict, Denied) as error:
                outcome.refused.append((name_of(row), error.message))
        if previewed and outcome.token != previewed:
            text = "What this would change is no longer what the preview showed, so nothing was done. Check it again."
            raise Conflict(text, code="selection_changed")
        if is_dry:
            transaction.set_rollback(True)
    return outcome


def perform(
    kind: BulkKind,
    action: str,
    actor: Actor,
    names: list[str],
    given: dict[str, Any],
    *,
    previewed: str = "",
    is_dry: bool = False,
) -> BulkOutcome:
    """Do one of the kind's actions on the named rows; see `act_on_rows`."""
    verb = kind.find_verb(action)
    given = verb.check_given(given)
    rows = kind.find_rows(names)
    return act_on_rows(
        lambda row: verb.act(actor, row, given), rows, kind.name_of, given=given, previewed=previewed, is_dry=is_dry
    )


def find_by(queryset: Callable[[], Any], field: str) -> Callable[[list[str]], list[Model]]:
    return lambda names: list(queryset().filter(**{f"{field}__in": names}))
