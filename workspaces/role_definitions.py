"""Azure's roles as lists of actions, and the actions that each verb of `can()` needs.

Actions match as in Azure: `*` stands for any text, case is ignored, and the not-actions of a role limit its actions.
Roles add up; a not-action of one role does not limit another role.
"""

import dataclasses
import functools
import re
from collections.abc import Iterable

M = "Microsoft.MachineLearningServices/workspaces"
A = "Microsoft.Authorization"


@dataclasses.dataclass(frozen=True)
class Definition:
    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    description: str = ""
    role_id: str = ""

    def find_action(self, wanted: str) -> str:
        """The first of its actions that allows this one; empty if it does not."""
        if any(matches(pattern, wanted) for pattern in self.not_actions):
            return ""
        return next((pattern for pattern in self.actions if matches(pattern, wanted)), "")


def matches(pattern: str, action: str) -> bool:
    return bool(_compiled(pattern).fullmatch(action))


@functools.lru_cache(maxsize=5000)
def _compiled(pattern: str) -> re.Pattern:
    """Each part between stars counts where it is found first, and is never looked for again (`?>`): the time is bounded."""
    before, *parts = re.sub(r"\*+", "*", pattern).split("*")
    text = re.escape(before)
    for number, part in enumerate(parts, 1):
        start = ".*" if number == len(parts) else ".*?"
        if before.endswith("/") and part.startswith("/"):
            # `computes/*/write` is about `computes/write` too: the not-actions of Azure's own roles are written so.
            start, part = f"{start}(?<=/)", part[1:]
        text += f"(?>{start}{re.escape(part)})" if number < len(parts) else f"{start}{re.escape(part)}"
        before = part
    return re.compile(text, re.IGNORECASE)


BUILT_IN = {
    one.name: one
    for one in (
        Definition(
            "Owner", ("*",), (), "Full access, including people and deletion", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
        ),
        Definition(
            "Contributor",
            ("*",),
            (f"{A}/*/Delete", f"{A}/*/Write", f"{A}/elevateAccess/Action"),
            "Everything except people and deletion",
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
        ),
        Definition(
            "AzureML Data Scientist",
            (f"{M}/*/read", f"{M}/*/action", f"{M}/*/delete", f"{M}/*/write"),
            (
                f"{M}/delete",
                f"{M}/write",
                f"{M}/computes/*/write",
                f"{M}/computes/*/delete",
                f"{M}/computes/listKeys/action",
                f"{M}/listKeys/action",
                f"{M}/hubs/*",
                f"{M}/featurestores/*",
            ),
            "Submit and edit jobs, experiments and environments; use compute but not change it",
            "f6c7c914-8db3-469d-8ca1-694a8f32e121",
        ),
        Definition(
            "AzureML Compute Operator",
            (f"{M}/computes/*", f"{M}/notebooks/vm/*"),
            (),
            "View and change compute only",
            "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
        ),
        Definition("Reader", ("*/read",), (), "View everything", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    )
}


def built_in(name: str) -> Definition:
    return BUILT_IN[name]


# The actions that a verb needs, all of one of its alternatives. Where the studio is stricter than Azure, an Owner's
# action is added.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "read": ((f"{M}/experiments/runs/read", f"{M}/metadata/artifacts/read"),),
    "read_compute": ((f"{M}/computes/read",),),
    "use_compute": ((f"{M}/computes/start/action",),),
    "edit_compute": ((f"{M}/computes/write", f"{M}/computes/delete"),),
    # As SDK v1 submits, and as v2 does.
    "submit": (
        (
            f"{M}/experiments/runs/submit/action",
            f"{M}/experiments/runs/write",
            f"{M}/environments/write",
            f"{M}/metadata/artifacts/write",
            f"{M}/metadata/snapshots/write",
        ),
        (f"{M}/jobs/write", f"{M}/environments/write", f"{M}/metadata/codes/versions/write"),
    ),
    "edit": (
        (
            f"{M}/experiments/write",
            f"{M}/experiments/delete",
            f"{M}/experiments/runs/write",
            f"{M}/experiments/runs/delete",
            f"{M}/environments/write",
            f"{M}/environments/delete",
            f"{M}/models/write",
            f"{M}/models/delete",
            f"{M}/metadata/artifacts/write",
        ),
    ),
    "list_secrets": ((f"{M}/connections/read", f"{M}/connections/listsecrets/action"),),
    "read_secrets": ((f"{M}/connections/listsecrets/action",),),
    "edit_secrets": ((f"{M}/connections/write", f"{M}/connections/delete"),),
    "edit_workspace": ((f"{M}/write",),),
    "create_workspace": ((f"{M}/write",),),
    "read_keys": ((f"{M}/listKeys/action",),),
    "edit_members": ((f"{A}/roleAssignments/write", f"{A}/roleAssignments/delete"),),
    "delete_workspace": ((f"{M}/delete", f"{A}/roleAssignments/delete"),),
    "read_activity": (("Microsoft.Insights/eventtypes/values/read", f"{A}/roleAssignments/write"),),
}


def allows(definitions: Iterable[Definition], verb: str) -> bool:
    """Whether these roles together allow the verb."""
    return any(
        all(any(one.find_action(action) for one in definitions) for action in alternative)
        for alternative in NEEDED.get(verb, ())
    )


@functools.lru_cache(maxsize=1000)
def verbs_of(definitions: frozenset[Definition]) -> frozenset[str]:
    """All verbs that these roles together allow."""
    return frozenset(verb for verb in NEEDED if allows(definitions, verb))


def explain_verb(definitions: Iterable[Definition], verb: str) -> list[tuple[str, str, str]]:
    """For each action that the verb needs: the action, the first role that allows it, and by which of its actions.

    Of several alternatives, the first that is allowed; an action that nothing allows has an empty role.
    """
    given = list(definitions)
    alternatives = [[_first(given, action) for action in alternative] for alternative in NEEDED.get(verb, ())]
    return next(
        (one for one in alternatives if all(role for _, role, _ in one)), alternatives[0] if alternatives else []
    )


def _first(definitions: list[Definition], action: str) -> tuple[str, str, str]:
    for one in definitions:
        if pattern := one.find_action(action):
            return action, one.name, pattern
    return action, "", ""
