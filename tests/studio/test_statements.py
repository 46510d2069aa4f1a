"""Rows that are read and stored by statements written once are the ORM's rows."""

import datetime as dt

from runs.models import Experiment, Run, RunParameter, RunTag
from studio import statements
from tests import factories
from workspaces.models import Workspace


def test_a_row_is_what_the_orm_would_give(workspace, owner):
    made = Experiment.objects.create(workspace=workspace, name="iris", tags={"a": "b"}, created_by=owner)
    (found,) = statements.read_rows(Experiment, workspace=workspace.pk, experiment_id=made.experiment_id)
    expected = Experiment.objects.get(pk=made.pk)
    fields = [field.attname for field in Experiment._meta.concrete_fields]
    assert [getattr(found, name) for name in fields] == [getattr(expected, name) for name in fields]
    assert found.created_at.tzinfo == dt.UTC and found.deleted_at is None and not found._state.adding


def test_a_list_of_values_gives_the_rows_of_any(workspace):
    run = factories.make_run(workspace)
    keys = statements.insert_rows(RunParameter, ["run", "name", "value"], [(run.pk, name, "1") for name in "abc"])
    assert dict(RunParameter.objects.values_list("pk", "name")) == dict(zip(keys, "abc", strict=True))
    rows = statements.read_rows(RunParameter, run=run.pk, name=["a", "c", "z"])
    assert sorted(row.name for row in rows) == ["a", "c"]
    assert statements.read_rows(RunParameter, run=run.pk, name=[]) == []
    assert statements.insert_rows(RunParameter, ["run", "name", "value"], []) == []


def test_related_rows_are_read_too(workspace, owner, django_assert_num_queries):
    run = factories.make_run(workspace)
    Experiment.objects.filter(pk=run.experiment_id).update(created_by=None)
    with django_assert_num_queries(1):
        found = statements.read_row(
            Run, related=("experiment", "created_by"), workspace=workspace.pk, run_id=run.run_id
        )
        assert (found.experiment, found.created_by, found.status) == (run.experiment, run.created_by, run.status)
    with django_assert_num_queries(1):
        (experiment,) = statements.read_rows(Experiment, related=("created_by",), id=run.experiment_id)
        assert experiment.created_by is None
    assert statements.read_row(Run, run_id="none") is None
    steps = ("resource_group", "resource_group__subscription")
    with django_assert_num_queries(1):
        found = statements.read_row(Workspace, related=steps, slug=workspace.slug)
        assert found.arm_id == workspace.arm_id
    steps = ("experiment", "experiment__created_by")
    assert statements.read_row(Run, related=steps, run_id=run.run_id).experiment.created_by is None


def test_rows_that_refer_to_one_are_prefetched_in_order(workspace, django_assert_num_queries):
    run = factories.make_run(workspace)
    statements.add_rows(RunTag, ["run", "name", "value"], [(run.pk, "b", "2"), (run.pk, "a", "1")])
    expected = [(row.pk, row.status) for row in run.events.all()]
    with django_assert_num_queries(2):
        statements.prefetch_rows(run, "tag_rows", "events")
    with django_assert_num_queries(0):
        assert list(run.tags) == ["a", "b"] and [(row.pk, row.status) for row in run.events.all()] == expected
        assert all(row.run is run for row in run.tag_rows.all())
    assert run.tag_rows.filter(name="b").get().value == "2"
