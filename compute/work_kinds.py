"""The kinds of work that the queue holds. This app knows none of them: the app that queues a kind registers it in its apps.py.

The scope of a unit of work is `kind:subject`, such as `run:my-run`. The kind says how the process signs in and which pages
tell about its work.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compute.models import ComputeTarget, Work


@dataclasses.dataclass(frozen=True)
class WorkKind:
    # What stands before the colon of the scope.
    name: str
    # The token with which the process of this unit calls the API, good for its present attempt.
    make_token: Callable[["Work"], str]
    # The address of the page about this unit.
    page_url: Callable[["Work"], str]
    # The address and the label of the list of everything of this kind that was sent to the target.
    list_url: Callable[["ComputeTarget"], str]
    list_label: str


KINDS: dict[str, WorkKind] = {}


def register_kind(kind: WorkKind) -> None:
    KINDS[kind.name] = kind


def kind_of(scope: str) -> WorkKind:
    name = scope.partition(":")[0]
    if name not in KINDS:
        raise LookupError(f"No app has registered the kind of work {name!r}; there are {', '.join(KINDS) or 'none'}.")
    return KINDS[name]


def list_links(target: "ComputeTarget") -> list[dict[str, str]]:
    """For a page of the target: where each kind lists what was sent there."""
    return [{"url": kind.list_url(target), "label": kind.list_label} for kind in KINDS.values()]
