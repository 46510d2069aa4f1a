"""How many runs may stand above a run and below it."""

import pytest

from runs import family_limits
from runs.models import Run
from tests import factories
from tests.runs.conftest import job


@pytest.fixture
def line(workspace, experiment) -> list[Run]:
    """A run, its child, the child of that, and so on, as deep as it may be."""
    found = [factories.make_run(workspace, experiment=experiment)]
    for _ in range(family_limits.MAX_ANCESTORS):
        found.append(factories.make_run(workspace, experiment=experiment, parent=found[-1], root=found[0]))
    return found


def assert_limit_reached(answer, word: str) -> None:
    assert answer.status_code == 422, answer.content
    error = answer.json()["error"]
    assert (error["code"], error["target"]) == ("limit_reached", "parentRunId")
    assert word in error["message"]


def test_a_job_that_submits_itself_again_comes_to_an_end(alice_api, cluster, workspace):
    parent = None
    for number in range(family_limits.MAX_ANCESTORS + 1):
        assert alice_api.put(f"W/jobs/j{number}", {"properties": job(parentRunId=parent)}).status_code == 201
        parent = f"j{number}"
    assert_limit_reached(alice_api.put("W/jobs/more", {"properties": job(parentRunId=parent)}), "10 runs above it")
    assert_limit_reached(alice_api.put("H/experiments/exp/runs/more", {"parentRunId": parent}), "10 runs above it")
    assert not Run.objects.filter(run_id="more").exists()


def test_children_that_have_not_ended_are_limited(alice_api, started, monkeypatch):
    monkeypatch.setattr(family_limits, "MAX_OPEN_CHILDREN", 2)
    started("p")
    started("a", parentRunId="p")
    started("b", parentRunId="p")
    assert_limit_reached(
        alice_api.put("H/experiments/exp/runs/c", {"parentRunId": "p"}), "2 children that have not ended"
    )
    alice_api.post("H/runs/a/events", {"status": "Completed"})
    assert started("c", parentRunId="p").parent.run_id == "p"


def test_the_runs_above_are_read_by_one_query(line, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert family_limits.list_ancestors(line[-1]) == [run.pk for run in reversed(line[:-1])]
    with django_assert_num_queries(0):
        assert family_limits.list_ancestors(line[0]) == []
