"""What a role does not allow is shown greyed, with the reason and whom to ask."""

import re

import pytest

from tests import factories
from tests.html import html_of
from workspaces.models import Role

W = "/ws/aml-workspace/"


def greyed(page) -> dict[str, str]:
    """The label and the reason of each greyed button."""
    found = re.findall(
        r'aria-disabled="true" title="([^"]+)"[^>]*>(?:<svg.*?</svg>)?\s*([^<]+?)\s*</button>', html_of(page)
    )
    return {label: reason for reason, label in found}


@pytest.fixture
def olga(workspace):
    user = factories.make_user("olga", first_name="Olga", last_name="Smith")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def test_a_reader_sees_what_others_may_do_and_whom_to_ask(as_user, bob, olga, workspace, owner):
    run = factories.make_run(workspace, run_id="r1")
    factories.make_target(workspace, "cpu-cluster")
    client = as_user(bob)
    expected = {
        W: ["Create job"],
        f"{W}runs/{run.run_id}/": ["Resubmit", "Cancel", "Delete"],
        f"{W}jobs/": ["Create job", "Tag", "Cancel", "Delete"],
        f"{W}compute/": ["New"],
        f"{W}compute/cpu-cluster/": ["Edit", "Delete"],
        f"{W}people/": ["Add", "Create invitation"],
        f"{W}settings/": ["Delete", "Save"],
    }
    for path, labels in expected.items():
        found = greyed(client.get(path))
        assert list(found) == labels, path
        for label, reason in found.items():
            whom = "owner (site admin)" if label == "Create invitation" else "Olga Smith (Owner)"
            assert reason.endswith(f"Ask {whom}."), (path, label, reason)
    assert greyed(client.get(f"{W}compute/"))["New"].startswith(
        "Your role does not allow you to create or change compute"
    )


def test_who_may_sees_nothing_greyed(as_user, owner, workspace):
    factories.make_target(workspace, "cpu-cluster")
    for path in (W, f"{W}jobs/", f"{W}compute/", f"{W}compute/cpu-cluster/", f"{W}people/", f"{W}settings/"):
        assert not greyed(as_user(owner).get(path)), path
