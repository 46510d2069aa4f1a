"""Paths, ids and names of resources, as Azure writes them."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from lazuli.client import quote_segment
from lazuli.errors import UserErrorException

PROVIDER = "Microsoft.MachineLearningServices"

_SCOPE = re.compile(
    r"/?subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+)/?$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[a-zA-Z0-9][\w-]*", re.ASCII)


def subscription_path(subscription_id: str) -> str:
    return f"/subscriptions/{quote_segment(subscription_id)}"


def resource_group_path(subscription_id: str, resource_group: str) -> str:
    return f"{subscription_path(subscription_id)}/resourceGroups/{quote_segment(resource_group)}"


def workspaces_path(subscription_id: str, resource_group: Optional[str] = None) -> str:
    if resource_group is None:
        return f"{subscription_path(subscription_id)}/providers/{PROVIDER}/workspaces"
    return f"{resource_group_path(subscription_id, resource_group)}/providers/{PROVIDER}/workspaces"


def workspace_path(subscription_id: str, resource_group: str, workspace_name: str) -> str:
    return f"{workspaces_path(subscription_id, resource_group)}/{quote_segment(workspace_name)}"


def deleted_workspaces_path(subscription_id: str) -> str:
    return f"{subscription_path(subscription_id)}/providers/{PROVIDER}/deletedWorkspaces"


def location_path(subscription_id: str, location: str) -> str:
    return f"{subscription_path(subscription_id)}/providers/{PROVIDER}/locations/{quote_segment(location)}"


def parse_workspace_id(scope: str) -> Tuple[str, str, str]:
    """Subscription id, resource group and name from the ARM id of a workspace. Raises UserErrorException."""
    match = _SCOPE.match(scope)
    if not match:
        raise UserErrorException(f"{scope!r} is not the id of a workspace.")
    return match.group("subscription"), match.group("group"), match.group("workspace")


def check_name(kind: str, name: str, min_length: int, max_length: int) -> str:
    """Return `name` if Azure accepts it: it starts with a letter or digit, and letters, digits, `_` and `-` follow.

    `kind` names the resource in the error, as "a workspace". Raises UserErrorException.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not min_length <= len(name) <= max_length:
        raise UserErrorException(
            f"{name!r} is not a valid name for {kind}: use {min_length} to {max_length} letters, digits, underscores "
            "and hyphens, and start with a letter or digit."
        )
    return name
