"""A tree that is canceled while its runs end by themselves."""

import pytest

from runs.models import Run
from studio.errors import Conflict
from tests import factories
from tests.runs.test_metrics_parallel import in_threads

pytestmark = pytest.mark.django_db(transaction=True)
S = Run.Status


def test_a_run_that_ends_meanwhile_does_not_stop_the_cancel_of_its_tree():
    parent = factories.make_run(factories.make_workspace(), status=S.RUNNING)
    children = [
        factories.make_run(parent.workspace, experiment=parent.experiment, parent=parent, status=S.RUNNING)
        for _ in range(12)
    ]

    def complete_each():
        for child in children:
            try:
                child.move(S.COMPLETED)
            except Conflict:
                # The cancel was first.
                continue

    in_threads(complete_each, Run.objects.get(pk=parent.pk).cancel)
    parent.refresh_from_db()
    assert parent.status == S.CANCELED
    for child in children:
        child.refresh_from_db()
        assert child.status in (S.COMPLETED, S.CANCELED)
        assert [event.status for event in child.events.all()] == [child.status]
