"""What is deleted lies in the trash: out of sight everywhere, and it comes back as it was."""

import datetime as dt
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from runs import purging
from runs.models import Experiment, Run
from tests import factories
from tests.html import html_of
from tests.mlflow_api.tracking import Tracking
from trash import contents, purge
from trash.models import PurgeJob
from workspaces.models import Role

DONE = {"status": Run.Status.COMPLETED}


def url(workspace, name="trash:list", *args):
    return reverse(name if ":" in name else f"runs:{name}", args=[workspace.slug, *args])


@pytest.fixture
def family(workspace):
    """An experiment with a run, its child and its grandchild, and a run beside them."""
    experiment = factories.make_experiment(workspace, "digits")
    top = factories.make_run(workspace, experiment=experiment, run_id="top", display_name="the top one", **DONE)
    child = factories.make_run(workspace, experiment=experiment, run_id="child", parent=top, root=top, **DONE)
    factories.make_run(workspace, experiment=experiment, run_id="grandchild", parent=child, root=top, **DONE)
    factories.make_run(workspace, experiment=experiment, run_id="beside", display_name="the one beside", **DONE)
    return experiment


def present():
    return set(Run.objects.filter(deleted_at=None).values_list("run_id", flat=True))


def text(answer):
    return html_of(answer)


def test_a_deleted_run_vanishes_with_its_descendants_and_undo_brings_them_back(as_user, alice, workspace, family):
    client = as_user(alice)
    answer = client.post(url(workspace, "run_delete", "top"), follow=True)
    assert "the top one moved to the trash with 2 child jobs." in text(answer) and ">Undo</button>" in text(answer)
    assert present() == {"beside"}
    for page in (
        url(workspace, "jobs"),
        url(workspace, "experiments"),
        reverse("palette") + "?q=top&ws=" + workspace.slug,
    ):
        assert 'href="/ws/aml-workspace/runs/top' not in text(client.get(page))
    assert client.get(url(workspace, "run_detail", "top")).status_code == 404
    undo = text(answer).split('action="/ws/aml-workspace/trash/undo/')[1].split('"')[0]
    assert "Deletion undone: 3 items restored." in text(client.post(url(workspace, "trash:undo") + undo, follow=True))
    assert present() == {"top", "child", "grandchild", "beside"}
    assert client.post(url(workspace, "trash:undo") + undo).status_code == 409


def test_chosen_runs_go_and_come_back_together(as_user, alice, workspace, family):
    client = as_user(alice)
    answer = client.post(url(workspace, "runs_delete"), {"run": ["top", "beside"]}, follow=True)
    assert present() == set()
    undo = text(answer).split('action="/ws/aml-workspace/trash/undo/')[1].split('"')[0]
    client.post(url(workspace, "trash:undo") + undo)
    assert present() == {"top", "child", "grandchild", "beside"}


def test_a_link_to_what_is_in_the_trash_tells_those_who_may_restore_it(as_user, alice, bob, workspace, family):
    Run.objects.get(run_id="top").delete()
    answers = [as_user(user).get(url(workspace, "run_metrics", "top")) for user in (alice, bob)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "the top one is in the trash." in text(answers[0]) and f'href="{url(workspace)}"' in text(answers[0])
    assert "in the trash" not in text(answers[1])
    fields = dict(re.findall(r'<input type="hidden" name="(run|next)" value="(.*?)">', text(answers[0])))
    address = re.search(r'id="restore-form" method="post" action="(.*?)"', text(answers[0]))[1]
    assert as_user(bob).post(address, fields).status_code == 403
    assert as_user(alice).post(address, fields).url == fields["next"] == url(workspace, "run_metrics", "top")
    assert as_user(alice).get(fields["next"]).status_code == 200
    family.delete()
    assert "digits is in the trash." in text(as_user(alice).get(family.get_absolute_url()))


def test_the_api_knows_nothing_of_what_is_in_the_trash(alice_api, bob_api, workspace, family):
    assert alice_api.delete("H/runs/top").status_code == 200
    for path in ("H/runs/top", "H/runs/child", "W/jobs/top", "H/runs/top/metrics", "H/runs/top/artifacts"):
        assert alice_api.get(path).status_code == 404
    assert "`lazuli trash restore`" in alice_api.get("H/runs/top").json()["error"]["message"]
    assert "trash:list" not in bob_api.get("H/runs/top").json()["error"]["message"]
    assert [run["runId"] for run in alice_api.get("H/runs?includeChildren=true").json()["value"]] == ["beside"]
    assert alice_api.post("H/runs/top/metrics", {"batchId": "b", "metrics": []}).status_code == 404
    assert alice_api.delete("H/runs/top").status_code == 404


def test_a_name_in_the_trash_stays_taken_and_says_so(alice_api, api, alice, workspace, family):
    assert alice_api.delete("H/experiments/digits").status_code == 200
    assert alice_api.get("H/experiments/digits").status_code == 404
    for answer in (alice_api.put("H/experiments/digits"), alice_api.put("H/experiments/digits/runs/new")):
        assert answer.status_code == 409
        assert "in the trash. Restore it, or delete it permanently" in answer.json()["error"]["message"]
    other = factories.make_experiment(workspace, "other")
    renamed = alice_api.patch("H/experiments/other", {"name": "digits"})
    assert renamed.status_code == 409 and "in the trash" in renamed.json()["error"]["message"]
    other.refresh_from_db()
    assert other.name == "other"


def test_mlflow_sees_the_same_trash(api, alice, as_user, workspace, family):
    tracking = Tracking(api(alice), workspace)
    experiment_id = str(family.experiment_id)

    def found(view):
        runs = tracking.post("runs/search", experiment_ids=[experiment_id], run_view_type=view).get("runs", [])
        return {run["info"]["run_id"] for run in runs}

    assert tracking.post("runs/delete", run_id="top") == {}
    assert (found("ACTIVE_ONLY"), found("DELETED_ONLY")) == ({"beside"}, {"top", "child", "grandchild"})
    assert len(found("ALL")) == 4
    assert 'aria-label="Restore the top one"' in text(as_user(alice).get(url(workspace)))
    # A child alone would hang in the air, so its parents come with it.
    assert tracking.post("runs/restore", run_id="child") == {}
    assert found("ACTIVE_ONLY") == {"beside", "top", "child", "grandchild"}
    tracking.post("experiments/delete", experiment_id=experiment_id)
    assert "digits" in text(as_user(alice).get(url(workspace)))
    refused = api(alice).post(tracking.base + "experiments/create", {"name": "digits"}).json()
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS" and "deleted state" in refused["message"]
    assert tracking.post("runs/restore", run_id="top") == (409, "RESOURCE_CONFLICT")


def test_an_experiment_comes_back_without_what_was_in_the_trash_before(as_user, alice, workspace, family):
    client = as_user(alice)
    client.post(url(workspace, "run_delete", "beside"))
    answer = client.post(
        url(workspace, "experiment_delete", family.experiment_id), {"confirm_name": "digits"}, follow=True
    )
    assert "digits and its jobs moved to the trash." in text(answer)
    page = text(client.get(url(workspace)))
    assert '<td class="number">3</td>' in page and "the one beside" not in page
    answer = client.post(url(workspace, "trash:restore"), {"experiment": "digits"}, follow=True)
    assert "Restored: digits." in text(answer)
    assert present() == {"top", "child", "grandchild"}
    client.post(url(workspace, "trash:restore"), {"run": "beside"})
    assert "beside" in present()


def test_an_active_run_is_refused_with_all_above_it(as_user, alice, workspace, family):
    Run.objects.filter(run_id="grandchild").update(status=Run.Status.RUNNING)
    answer = as_user(alice).post(url(workspace, "run_delete", "top"))
    assert answer.status_code == 409 and "grandchild has not ended" in text(answer)
    answer = as_user(alice).post(url(workspace, "experiment_delete", family.experiment_id), {"confirm_name": "digits"})
    assert answer.status_code == 409
    assert len(present()) == 4 and not Experiment.objects.exclude(deleted_at=None).exists()


def test_who_may_look_restore_and_free(as_user, alice, bob, mallory, workspace, family):
    Run.objects.get(run_id="beside").delete()
    assert "the one beside" in text(as_user(bob).get(url(workspace)))
    assert "Empty trash" not in text(as_user(bob).get(url(workspace)))
    assert as_user(mallory).get(url(workspace)).status_code == 404
    for name in ("trash:restore", "trash:delete", "trash:empty", "trash:undo"):
        assert as_user(bob).post(url(workspace, name), {"run": "beside"}).status_code == 403
        assert as_user(mallory).post(url(workspace, name), {"run": "beside"}).status_code == 404
        assert as_user(alice).get(url(workspace, name)).status_code == (200 if name == "trash:empty" else 405)
    assert "beside" not in present()


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("trash:restore", {}, 400, "Select at least one"),
        ("trash:restore", {"run": "nope"}, 409, "The trash has no nope"),
        ("trash:restore", {"run": "top"}, 409, "The trash has no top"),
        ("trash:restore", {"experiment": "digits"}, 409, "The trash has no digits"),
        ("trash:delete", {"run": [str(n) for n in range(501)]}, 400, "at most 500"),
        ("trash:undo", {}, 400, "is not a time"),
        ("trash:empty", {}, 400, "until=&#x27;&#x27; is not a time"),
    ],
)
def test_errors_are_reported(as_user, alice, workspace, family, name, body, status, words):
    answer = as_user(alice).post(url(workspace, name), body)
    assert (answer.status_code, words in text(answer)) == (status, True), text(answer)


def test_the_page_asks_a_fixed_number_of_questions(as_user, alice, workspace, django_assert_max_num_queries):
    for _ in range(25):
        factories.make_run(workspace, **DONE).delete()
        factories.make_experiment(workspace).delete()
    client = as_user(alice)
    with django_assert_max_num_queries(16):
        assert client.get(url(workspace)).status_code == 200


def test_days_left_and_bytes_are_shown(as_user, alice, alice_api, workspace, family, settings):
    settings.TRASH_DAYS = 10
    for run_id, size in (("top", 1000), ("child", 500)):
        Run.objects.get(run_id=run_id).artifacts.create(path="a", size=size)
    Run.objects.get(run_id="top").delete()
    Run.objects.exclude(deleted_at=None).update(deleted_at=timezone.now() - dt.timedelta(days=3, hours=1))
    page = text(as_user(alice).get(url(workspace)))
    assert "Empty trash (1.5 KB)" in page
    assert '<td class="number">7</td>' in page
    assert contents.count_bytes_by_run(list(contents.list_deleted_runs(workspace))) == {
        Run.objects.get(run_id="top").pk: 1500
    }


# ---- over the wire


def test_runs_and_experiments_are_listed_and_come_back(alice_api, workspace, family):
    Run.objects.get(run_id="child").artifacts.create(path="a", size=500)
    Run.objects.get(run_id="beside").delete()
    Run.objects.get(run_id="top").delete()
    listed = alice_api.get("H/trash/runs").json()["value"]
    assert [(run["runId"], run["filesSize"]) for run in listed] == [("top", 500), ("beside", 0)]
    assert dt.datetime.fromisoformat(listed[0]["purgeUtc"]) > timezone.now() + dt.timedelta(days=29)
    assert alice_api.post("H/trash/restore", {"runIds": ["grandchild"]}).json() == {"restored": 1}
    assert present() == {"top", "child", "grandchild"}
    alice_api.delete("H/experiments/digits")
    listed = alice_api.get("H/trash/experiments").json()["value"]
    assert [(row["name"], row["runCount"], row["filesSize"]) for row in listed] == [("digits", 3, 500)]
    refused = alice_api.post("H/trash/restore", {"runIds": ["beside"]})
    assert refused.status_code == 409 and "Restore it first" in refused.json()["error"]["message"]
    both = {"runIds": ["beside", "top"], "experimentNames": ["digits"]}
    assert alice_api.post("H/trash/restore", both).json() == {"restored": 3}
    assert present() == {"top", "child", "grandchild", "beside"}


def test_a_child_in_another_experiment_comes_back_with_its_parents(workspace, family):
    other = factories.make_experiment(workspace, "other")
    top = Run.objects.get(run_id="top")
    factories.make_run(workspace, experiment=other, run_id="elsewhere", parent=top, root=top, **DONE)
    family.delete()
    assert present() == set()
    family.restore()
    assert "elsewhere" in present()


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("restore", {}, 400, "Select at least one"),
        ("restore", {"runIds": ["top"]}, 409, "The trash has no top"),
        ("restore", {"runIds": "top"}, 422, "list"),
        ("purge", {"experimentNames": ["digits"]}, 409, "The trash has no digits"),
        ("purge", {"all": True, "runIds": ["top"]}, 400, "either all=true"),
        ("purge", {"runIds": [str(n) for n in range(501)]}, 400, "at most 500"),
    ],
)
def test_errors_are_reported_by_the_api(alice_api, workspace, family, path, body, status, words):
    answer = alice_api.post(f"H/trash/{path}", body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.content


def test_who_may_reach_the_trash_over_the_wire(bob_api, mallory_api, workspace, family, claimed, run_api):
    Run.objects.get(run_id="beside").delete()
    by_a_run = run_api(claimed().run_id, 1)
    for path in ("H/trash/runs", "H/trash/experiments", "/history/v1.0/purges"):
        assert (bob_api.get(path).status_code, by_a_run.get(path).status_code) == (200, 403)
    assert mallory_api.get("H/trash/runs").status_code == 404
    for path in ("restore", "purge"):
        assert bob_api.post(f"H/trash/{path}", {"runIds": ["beside"]}).status_code == 403
        assert mallory_api.post(f"H/trash/{path}", {"runIds": ["beside"]}).status_code == 404


def test_a_deleted_workspace_is_listed_and_comes_back_over_the_wire(api, owner, alice, workspace, w):
    deleted_url = "/subscriptions/sub-1/providers/Microsoft.MachineLearningServices/deletedWorkspaces"
    api(owner).delete(w)
    assert api(alice).get(deleted_url).json()["value"] == []
    reply = api(owner).get(deleted_url).json()["value"][0]
    assert reply["name"] == workspace.name and reply["properties"]["purgeTime"] > reply["properties"]["deletedTime"]
    assert [api(user).post(f"{w}/restore").status_code for user in (alice, owner, owner)] == [403, 200, 404]
    assert api(alice).get(w).status_code == 200


# ---- workspaces


@pytest.fixture
def olivia(workspace):
    user = factories.make_user("olivia")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def test_a_workspace_goes_to_the_trash_and_comes_back(as_user, olivia, workspace, family):
    client = as_user(olivia)
    dialog = text(client.get(reverse("workspaces:settings", args=[workspace.slug])))
    assert "For 30 days its Owners can restore it" in dialog and 'name="permanently"' in dialog
    answer = client.post(
        reverse("workspaces:delete", args=[workspace.slug]), {"confirm_name": workspace.name}, follow=True
    )
    assert ">Undo</button>" in text(answer) and "Deleted workspaces" in text(answer)
    assert client.get(workspace.get_absolute_url()).status_code == 404
    assert client.get(url(workspace, "run_detail", "top")).status_code == 404
    assert workspace.name not in text(client.get(reverse("palette") + "?q=aml"))
    page = text(client.get(reverse("trash:workspaces_deleted")))
    assert workspace.name in page and '<td class="number">30</td>' in page
    answer = client.post(reverse("trash:workspace_restore", args=[workspace.workspace_id]), follow=True)
    assert "was restored" in text(answer)
    assert client.get(url(workspace, "run_detail", "top")).status_code == 200


def test_only_owners_see_deleted_workspaces(as_user, alice, mallory, olivia, workspace):
    as_user(olivia).post(reverse("workspaces:delete", args=[workspace.slug]), {"confirm_name": workspace.name})
    for user in (alice, mallory):
        assert workspace.name not in text(as_user(user).get(reverse("trash:workspaces_deleted")))
        for name in ("trash:workspace_restore", "trash:workspace_purge"):
            address = reverse(name if ":" in name else f"runs:{name}", args=[workspace.workspace_id])
            assert as_user(user).post(address, {"confirm_name": workspace.name}).status_code == 404
            assert as_user(user).get(address).status_code == 405


def test_clusters_of_a_trashed_workspace_let_their_nodes_go(as_user, owner, workspace):
    from compute import autoscaler
    from compute.models import Node

    target = factories.make_target(workspace, min_nodes=1, idle_seconds=3600)
    node = factories.make_node(target, factories.make_host(heartbeat_at=timezone.now()), state=Node.State.IDLE)
    as_user(owner).post(reverse("workspaces:delete", args=[workspace.slug]), {"confirm_name": workspace.name})
    autoscaler.autoscale()
    node.refresh_from_db()
    assert node.state == Node.State.LEAVING


def test_a_runs_script_still_learns_that_it_must_end(as_user, owner, workspace, claimed, run_api):
    run = claimed()
    as_user(owner).post(reverse("workspaces:delete", args=[workspace.slug]), {"confirm_name": workspace.name})
    heard = run_api(run.run_id, 1).post(f"H/runs/{run.run_id}/heartbeat").json()
    assert heard["cancelRequested"]


def preview_of(page: str) -> dict[str, str]:
    """The fields of the form that empties the trash."""
    return {name: re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("until", "selection")}


def test_emptying_takes_exactly_what_the_page_showed(as_user, alice, workspace, family):
    client = as_user(alice)
    Run.objects.get(run_id="beside").delete()
    page = text(client.get(url(workspace, "trash:empty")))
    assert "<li>1 job (the one beside)</li>" in page and "with 0 B of files" in page
    Run.objects.get(run_id="top").delete()
    assert client.post(url(workspace, "trash:empty"), preview_of(page)).status_code == 302
    taken = purging.runs_to_delete(purge.selection_of(PurgeJob.objects.get()))
    assert [run.run_id for run in taken] == ["beside"]


def test_emptying_is_refused_when_something_was_restored_meanwhile(as_user, alice, workspace, family):
    client = as_user(alice)
    Run.objects.get(run_id="top").delete()
    page = text(client.get(url(workspace, "trash:empty")))
    assert "<li>3 jobs (the top one, " in page
    Run.objects.get(run_id="top").restore()
    Run.objects.get(run_id="beside").delete()
    answer = client.post(url(workspace, "trash:empty"), preview_of(page))
    assert answer.status_code == 409 and "so nothing was deleted" in text(answer)
    later = preview_of(page) | {"until": "2999-01-01T00:00:00Z"}
    assert client.post(url(workspace, "trash:empty"), later).status_code == 409
    assert not PurgeJob.objects.exists()
