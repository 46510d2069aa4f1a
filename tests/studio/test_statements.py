"""Rows that are read and stored by statements written once are the ORM's rows."""

import datetime as dt

from runs.models import Experiment, RunParameter
from studio import statements
from tests import factories


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
