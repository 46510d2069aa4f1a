"""The kinds of work in the queue. This app does not depend on them: the app that queues a kind registers it in its
apps.py.

The scope of a unit of work is `kind:subject`, such as `run:my-run`. The kind provides the token of the process, the pages
about its work, and its life: it ends by itself, or it is kept up (docs/compute.md, "Kinds of work").
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from accounts.actors import Actor
    from compute.models import ComputeTarget, Work
    from workspaces.models import Workspace


class Life(models.TextChoices):
    ENDS = "ends", "Ends by itself"
    # Started again when it ends, until somebody stops it.
    KEPT_UP = "kept-up", "Kept up"


@dataclasses.dataclass(frozen=True)
class WorkKind:
    # The part of the scope before the colon.
    name: str
    # The token with which the process calls the API, valid for its current attempt.
    make_token: Callable[["Work"], str]
    # The URL of the page about this unit.
    page_url: Callable[["Work"], str]
    # Environment variables of its process that are secret, so that its stored spec does not have them.
    make_variables: Callable[["Work"], dict[str, str]] | None = None
    # The name of this unit for people, if it is not its subject.
    make_title: Callable[["Work"], str] | None = None
    life: Life = Life.ENDS
    # The permission that its submitter must still have in the workspace when a node claims it.
    action: str = "submit"
    # Called in the transaction in which claimed work is queued again, with the reason.
    on_queued_again: Callable[["Work", str], None] | None = None
    # For kept-up work: whether a person may stop and change it; stop it while its environment is built; have the
    # environment built once more, and start it with that.
    may_change: Callable[["Work", "Actor"], bool] | None = None
    cancel_build: Callable[["Work", "Actor"], None] | None = None
    rebuild: Callable[["Work", "Actor"], None] | None = None
    # URL and label of the list of everything of this kind that was submitted to the target, if there is one.
    list_url: Callable[["ComputeTarget"], str] | None = None
    list_label: str = ""
    # The results of ended work as states of jobs, by the key of the work; one query for a page.
    read_outcomes: Callable[[list["Work"]], dict[Any, str]] | None = None
    # URL and label of the page that makes a new one, on the target of this name or, if it is empty, on any.
    create_url: Callable[["Workspace", str], str] | None = None
    create_label: str = ""


KINDS: dict[str, WorkKind] = {}


def register_kind(kind: WorkKind) -> None:
    KINDS[kind.name] = kind


def kind_of(scope: str) -> WorkKind:
    name = scope.partition(":")[0]
    if name not in KINDS:
        raise LookupError(f"No app has registered the kind of work {name!r}; there are {', '.join(KINDS) or 'none'}.")
    return KINDS[name]


def list_links(target: "ComputeTarget") -> list[dict[str, str]]:
    """Links to the list of each kind, for a page of the target."""
    return [{"url": kind.list_url(target), "label": kind.list_label} for kind in KINDS.values() if kind.list_url]


def read_outcomes(works: list["Work"]) -> dict[Any, str]:
    """The results of works by their keys, without works whose subject was deleted."""
    found: dict[Any, str] = {}
    for kind in KINDS.values():
        if kind.read_outcomes:
            found |= kind.read_outcomes([work for work in works if work.scope.startswith(f"{kind.name}:")])
    return found


def create_links(workspace: "Workspace", target: str = "") -> list[dict[str, str]]:
    """Links for creating work of each kind, for a page of compute."""
    return [
        {"url": kind.create_url(workspace, target), "label": kind.create_label}
        for kind in KINDS.values()
        if kind.create_url
    ]
