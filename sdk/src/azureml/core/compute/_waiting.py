"""Waiting for a compute target, with the words that SDK v1 prints."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Optional

from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.compute.amlcompute import AmlCompute
    from azureml.core.compute.compute import ComputeTarget

ENDED = ("Succeeded", "Failed", "Canceled")
POLL_S = 1.0

_sleep = time.sleep


def wait_for_provisioning(target: ComputeTarget, show_output: bool, is_delete_operation: bool) -> None:
    """Poll until the state is final; a deleted target counts as done."""
    shown = _Progress(show_output)
    while True:
        try:
            target.refresh_state()
        except ComputeTargetException as error:
            if is_delete_operation and "ComputeTargetNotFound" in error.message:
                shown.end('Provisioning operation finished, operation "Succeeded"')
                return
            raise
        shown.state(target.provisioning_state)
        if target.provisioning_state in ENDED and not is_delete_operation:
            break
        _sleep(POLL_S)
    shown.end(f"{target.type} wait for completion finished\n")
    if target.provisioning_state != "Succeeded":
        raise ComputeTargetException(
            f"Compute target {target.name!r} is {target.provisioning_state}: {target.provisioning_errors}"
        )


def wait_for_nodes(target: AmlCompute, show_output: bool, minimum: Optional[int], timeout_in_minutes: float) -> None:
    """Poll until `minimum` nodes are there; left out, the cluster's own minimum."""
    wanted = (target.scale_settings.minimum_node_count or 0) if minimum is None else minimum
    deadline = time.monotonic() + timeout_in_minutes * 60

    def say(text: str) -> None:
        if show_output:
            print(text)

    while True:
        status = target.get_status()
        if (status.current_node_count or 0) >= wanted:
            say("Minimum number of nodes requested have been provisioned")
            return
        if status.errors:
            say(f"There were errors: {status.errors}")
            return
        if time.monotonic() >= deadline:
            say(
                f"Wait timeout has been reached\nCurrent provisioning state of AmlCompute is "
                f'"{status.provisioning_state}" and current node count is "{status.current_node_count}"'
            )
            return
        _sleep(POLL_S)


class _Progress:
    """Prints a state once and a dot for every further look at it."""

    def __init__(self, show: bool):
        self._show = show
        self._last: Optional[str] = None

    def state(self, state: Optional[str]) -> None:
        if not self._show:
            return
        if state == self._last:
            sys.stdout.write(".")
        else:
            sys.stdout.write(("\n" if self._last else "") + str(state))
        sys.stdout.flush()
        self._last = state

    def end(self, text: str) -> None:
        if self._show:
            print(("\n" if self._last else "") + text)
