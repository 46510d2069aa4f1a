"""The admin's lists and forms of runs and environments open, and deleting there frees files."""

import pytest
from django.contrib import admin
from django.urls import reverse

from runs.models import Run
from tests import factories

MODELS = [model for model in admin.site._registry if model._meta.app_label in ("runs", "assets")]


@pytest.fixture
def rows(alice_api, started, workspace):
    from runs import metrics

    run = started("r1", tags={"a": "b"})
    metrics.store_batch(run, "b", [{"name": "loss", "value": 1.5}])
    run.add_parameters({"p": 1})
    alice_api.put("H/runs/r1/artifacts/content?path=a", data=b"x")
    factories.make_environment(workspace)
    return run


def test_lists_and_forms_open(as_user, owner, rows):
    client = as_user(owner)
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{name}_changelist"), {"q": "a"}).status_code == 200, model
        row = model.objects.first()
        if row:
            assert client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, model


def test_deleting_and_canceling_use_the_rows_own_verbs(as_user, owner, rows):
    client = as_user(owner)
    runs = reverse("admin:runs_run_changelist")
    chosen = {"_selected_action": [rows.pk], "post": "yes"}
    client.post(runs, {"action": "delete_selected", **chosen})
    assert Run.objects.filter(pk=rows.pk, deleted_at=None).exists()
    client.post(runs, {"action": "cancel_runs", **chosen})
    rows.refresh_from_db()
    assert rows.status == Run.Status.CANCELED
    client.post(runs, {"action": "delete_selected", **chosen})
    assert not Run.objects.filter(deleted_at=None).exists()


def test_alice_does_not_get_in(as_user, alice):
    assert as_user(alice).get(reverse("admin:runs_run_changelist")).status_code == 302
