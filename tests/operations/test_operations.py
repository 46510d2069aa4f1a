"""The administration shows problems, and every action has a row in the activity log."""

import datetime as dt

import pytest
from django.db import OperationalError
from django.utils import timezone
from lazuli.version import VERSION
from obstore.store import MemoryStore

from accounts.activity import Activity
from accounts.signing_in import PROVED
from compute import notifications, queue
from compute.models import Host, Node, VmSize, Work
from operations import job_records, overview, waiting
from operations.models import Announcement, JobRecord, RequestRecord
from runs.models import Run
from studio import env, storage
from studio.errors import Conflict, Invalid
from tests import factories
from tests.html import html_of
from trash import orphaned_files

NOW = timezone.now


@pytest.fixture
def admin(as_user, owner):
    return as_user(owner)


@pytest.fixture
def cluster(workspace, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    return factories.make_target(workspace, "cpu-cluster", max_nodes=1)


@pytest.fixture
def host(db):
    return factories.make_host("big", heartbeat_at=NOW())


def submit(cluster, user, run_id: str) -> Work:
    work = queue.enqueue(cluster, f"run:{run_id}", {"experiment": "exp"}, user)
    factories.make_run(cluster.workspace, run_id=run_id, work=work, compute=cluster, status="Queued")
    return work


def test_the_overview_says_what_is_wrong_first(admin, cluster, host, alice):
    submit(cluster, alice, "r1")
    Work.objects.update(queued_at=NOW() - dt.timedelta(minutes=25))
    factories.make_node(cluster, host, state=Node.State.UNUSABLE)
    RequestRecord.add(request_id="7f3a", method="GET", path="/x", status=500, seconds=0.1)
    job_records.record_job("trash.tasks.purge", 0.1, 10, "OSError: gone")
    page = html_of(admin.get("/admin/"))
    for words in (
        "Nodes lost in the last 24 hours: 1",
        "has waited for 25 minutes",
        "failed in the last 24 hours: 1",
        "OSError: gone",
    ):
        assert words in page
    levels = [problem.level for problem in overview.find_problems(overview.OverviewCounts(NOW()), NOW())]
    assert levels == sorted(levels, key=lambda level: level != "bad") and "amber" in levels


def test_pages_show_sizes_of_nodes_and_what_to_know_before_an_upgrade(admin, cluster, host):
    VmSize.objects.create(name="Standard_X1", family="X", vcpus=2, memory_gb=7)
    page = html_of(admin.get("/admin/limits/"))
    assert "Standard_X1" in page and "/admin/rows/compute/vmsize/" in page
    page = html_of(admin.get("/admin/backups/"))
    assert f"This is version {VERSION}." in page and "There is no verified backup yet." in page


def test_nothing_is_wrong_where_nothing_is(admin, host, monkeypatch):
    monkeypatch.setattr(overview, "disk_use", lambda: (1, 2))
    assert "All systems healthy" in html_of(admin.get("/admin/"))
    Host.objects.update(heartbeat_at=NOW() - dt.timedelta(hours=1))
    assert "No machine is connected" in html_of(admin.get("/admin/"))


def test_the_overview_takes_few_queries_however_much_there_is(
    admin, cluster, host, alice, django_assert_max_num_queries
):
    for number in range(10):
        submit(cluster, alice, f"r{number}")
        factories.make_node(cluster, host)
    with django_assert_max_num_queries(12):
        admin.get("/admin/")


def test_the_queue_shows_all_workspaces_with_the_reason(admin, cluster, host, alice):
    other = factories.make_target(factories.make_workspace(name="elsewhere"), "gpu")
    for number in range(2):
        submit(cluster, alice, f"r{number}")
    submit(other, alice, "far")
    factories.make_node(cluster, host, state=Node.State.RUNNING)
    page = html_of(admin.get("/admin/queue/"))
    assert all(words in page for words in ("r0", "r1", "far", "elsewhere", "Its node is busy"))
    assert "All nodes of the cluster are busy <b>2</b>" in page


def test_what_waits_can_be_moved_to_the_front(admin, cluster, alice, owner):
    first, second = submit(cluster, alice, "r1"), submit(cluster, alice, "r2")
    assert admin.post(f"/admin/queue/{second.pk}/front/").status_code == 302
    assert list(Work.objects.queued()) == [second, first]
    row = Activity.objects.get(verb="work.front")
    assert (row.actor_name, row.label, row.chain) == ("owner", "r2", cluster.workspace_id)
    Work.objects.filter(pk=first.pk).update(state=Work.State.CANCELED)
    with pytest.raises(Conflict, match="is no longer waiting"):
        waiting.move_to_front(first)
    assert Activity.objects.filter(verb="work.front").count() == 1


def test_a_waiting_job_moves_to_another_cluster_and_back(admin, cluster, alice):
    other = factories.make_target(cluster.workspace, "gpu")
    elsewhere = factories.make_target(factories.make_workspace(name="elsewhere"), "far")
    work = submit(cluster, alice, "r1")
    url = f"/admin/queue/{work.pk}/move/"
    page = html_of(admin.get(url))
    assert 'value="gpu"' in page and 'value="far"' not in page and url in html_of(admin.get("/admin/queue/"))
    assert admin.post(url, {"compute": elsewhere.name}).status_code == 400
    assert admin.post(url, {"compute": "gpu"}).status_code == 302
    run = Run.objects.select_related("work__target").get()
    assert (run.work.target, run.compute, run.target_name, run.job["computeId"]) == (other, other, "gpu", "gpu")
    row = Activity.objects.get(verb="work.move")
    assert (row.chain, row.changes) == (cluster.workspace_id, {"compute": ["cpu-cluster", "gpu"]})
    assert admin.post(f"/admin/requests/{row.request_id}/undo/").status_code == 302
    assert Work.objects.get().target == cluster
    Work.objects.update(state=Work.State.CANCELED)
    assert admin.post(url, {"compute": "gpu"}).status_code == 409


def test_a_job_is_canceled_with_its_line_in_the_log(admin, cluster, alice):
    work = submit(cluster, alice, "r1")
    assert admin.post(f"/admin/queue/{work.pk}/cancel/").status_code == 302
    work.refresh_from_db()
    assert (work.state, work.run.status) == (Work.State.CANCELED, "Canceled")
    assert Activity.objects.get(verb="run.cancel").label == work.run.display_name
    assert admin.post(f"/admin/queue/{work.pk}/cancel/").status_code in (302, 409)


def test_machines_show_their_nodes_and_work(admin, cluster, host, alice):
    node = factories.make_node(cluster, host, state=Node.State.RUNNING, name="node-x")
    work = submit(cluster, alice, "r1")
    Work.objects.filter(pk=work.pk).update(state=Work.State.CLAIMED, claimed_at=NOW())
    work.assignments.create(node=node, attempt=1, lease_until=NOW())
    Host.objects.update(isolation_problem="NODE_ISOLATION is off.")
    page = html_of(admin.get("/admin/machines/"))
    assert all(words in page for words in ("big", "node-x", "r1", "aml-workspace", "NODE_ISOLATION is off."))
    assert "node-x" in html_of(admin.get("/admin/queue/", {"show": "running"}))


def test_machines_and_nodes_are_drained_and_opened_again(admin, cluster, host):
    node = factories.make_node(cluster, host, state=Node.State.IDLE)
    for act in (f"nodes/{node.pk}/drain", f"{host.pk}/drain", f"{host.pk}/reopen"):
        assert admin.post(f"/admin/machines/{act}/").status_code == 302
    node.refresh_from_db()
    assert node.drained_at and Host.objects.get().is_open
    verbs = Activity.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["node.drain", "host.drain", "host.reopen"]


def test_several_jobs_are_canceled_exactly_as_the_page_showed_them(admin, cluster, alice, bob):
    first, second = submit(cluster, alice, "r1").run, submit(cluster, alice, "r2").run
    Run.objects.update(created_by=alice)
    factories.make_run(cluster.workspace, parent=first, root=first, run_id="child", status="Queued")
    other = submit(cluster, bob, "r3").run
    Run.objects.filter(pk=other.pk).update(created_by=bob)
    page = admin.get("/admin/queue/cancel/", {"person": "ALICE"})
    assert [(run.pk, run.active_children) for run in page.context["jobs"]] == [(first.pk, 1), (second.pk, 0)]
    assert "2 jobs of ALICE can be canceled" in html_of(page)
    later = submit(cluster, alice, "r4").run
    answer = admin.post("/admin/queue/cancel/", {"job": [first.pk, second.pk]}, follow=True)
    assert "2 jobs canceled." in html_of(answer)
    assert set(Run.objects.filter(status="Canceled").values_list("run_id", flat=True)) == {"r1", "r2", "child"}
    assert set(Run.objects.filter(pk__in=[other.pk, later.pk]).values_list("status", flat=True)) == {"Queued"}
    rows = Activity.objects.filter(verb="run.cancel")
    assert rows.count() == 2 and rows.values("request_id").distinct().count() == 1
    again = html_of(admin.post("/admin/queue/cancel/", {"job": [first.pk]}, follow=True))
    assert "canceled. This cannot" not in again and rows.count() == 2
    assert admin.post("/admin/queue/cancel/").status_code == 400
    assert admin.post("/admin/queue/cancel/", {"job": ["999999"]}).status_code == 409


def test_a_drain_says_which_jobs_it_waits_for_and_offers_to_undo_it(admin, cluster, host, alice):
    assert "at once: no job is running" in html_of(admin.get("/admin/machines/"))
    submit(cluster, alice, "r1")
    assert queue.claim_work(factories.make_node(cluster, host, state=Node.State.IDLE))
    assert "Its 1 node stops after 1 job: r1." in html_of(admin.get("/admin/machines/"))
    page = html_of(admin.post(f"/admin/machines/{host.pk}/drain/", follow=True))
    assert f'action="/admin/machines/{host.pk}/reopen/"' in page and ">Undo</button>" in page


def test_the_administration_asks_again_who_one_is_and_a_poll_reloads_its_page(as_user, owner, host):
    owner.set_password("correct horse battery")
    owner.save()
    client = as_user(owner)
    session = client.session
    session[PROVED] = 1
    session.save()
    assert client.get("/admin/machines/").url.startswith("/account/confirm/")
    assert client.get("/admin/machines/", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert client.post(f"/admin/machines/{host.pk}/drain/").url.startswith("/account/confirm/")
    assert Host.objects.get().is_open


def test_people_are_found_with_their_figures(admin, cluster, alice, bob):
    submit(cluster, alice, "r1")
    answer = admin.get("/admin/people/", {"q": "ali"})
    [row] = answer.context["rows"]
    assert (row["person"], row["roles"], row["waiting"], row["running"]) == (alice, 1, 1, 0)
    assert ">bob<" not in html_of(answer)


def test_storage_says_who_stores_what(admin, workspace, monkeypatch):
    sent = []
    monkeypatch.setattr(notifications, "notify_control", sent.append)
    gone = factories.make_run(workspace, deleted_at=NOW())
    gone.artifacts.create(path="a", size=2_000_000)
    assert "1.9 MB" in html_of(admin.get("/admin/storage/"))
    assert admin.post("/admin/storage/sweep/").status_code == 302
    assert sent == ["trash.tasks.sweep_storage"] and Activity.objects.get(verb="storage.sweep").actor_name == "owner"


def test_only_the_unused_files_that_the_page_showed_are_deleted(admin, workspace, monkeypatch):
    store = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: store)
    monkeypatch.setattr(orphaned_files, "GRACE", dt.timedelta(days=-1))
    run = factories.make_run(workspace)
    kept, unused, later = (storage.make_key(run.storage_area) for _ in range(3))
    artifact = run.artifacts.create(path="a", size=3)
    artifact.segments.create(key=kept, size=3, offset=0)
    for key in (kept, unused):
        storage.put_bytes(key, b"abc")
    found = admin.get("/admin/storage/sweep/").context["found"]
    assert (found.keys, found.bytes, found.is_whole) == ([unused], 3, True)
    posted = {"at": found.at.isoformat(), "token": found.token}
    storage.put_bytes(later, b"x")
    assert admin.post("/admin/storage/sweep/", posted).status_code == 409
    storage.delete_keys([later])
    assert "1 unused file deleted" in html_of(admin.post("/admin/storage/sweep/", posted, follow=True))
    assert [item["path"] for batch in storage.list_area(storage.ROOT) for item in batch] == [kept]
    assert Activity.objects.get(verb="storage.sweep").message == "1 file, 3 B"


def test_health_shows_jobs_and_requests_by_id(admin, monkeypatch):
    for number in range(3):
        fields = {"method": "GET", "path": f"/p{number}", "status": 500, "seconds": 1, "error": "KeyError: 'x'"}
        RequestRecord.add(request_id=f"{number}" * 32, **fields)
    job_records.record_job("compute.tasks.mark_lost_nodes", 0.2, 5)
    JobRecord.objects.update(ended_at=NOW() - dt.timedelta(hours=1))
    page = html_of(admin.get("/admin/health/", {"request": "11111111"}))
    assert "/p1" in page and "/p0" not in page and "Late" in page and "KeyError" in page
    assert "disk space" in html_of(admin.get("/admin/health/doctor/"))


def test_the_newest_requests_are_kept(db, monkeypatch):
    monkeypatch.setattr(RequestRecord, "KEPT", 3)
    for number in range(5):
        RequestRecord.add(request_id="", method="GET", path=f"/{number}", status=500, seconds=0)
    assert [row.path for row in RequestRecord.objects.all()] == ["/4", "/3", "/2"]


def test_a_request_that_fails_is_noted_with_its_id_and_error(as_user, owner, monkeypatch):
    def fail(*args):
        raise KeyError("what")

    monkeypatch.setattr("workspaces.search.match_workspaces", fail)
    client = as_user(owner)
    client.raise_request_exception = False
    answer = client.get("/")
    row = RequestRecord.objects.get()
    assert answer.status_code == 500 and row.request_id == answer.headers["X-Request-Id"]
    assert (row.path, row.person, row.error) == ("/", "owner", "KeyError: 'what'")


def test_a_slow_request_is_noted(as_user, bob, settings):
    settings.SLOW_REQUEST_SECONDS = 0
    as_user(bob).get("/groups/")
    row = RequestRecord.objects.get()
    assert (row.path, row.status, row.person, row.error) == ("/groups/", 200, "bob", "")


def test_a_request_that_waited_for_a_locked_database_is_not_noted(as_user, bob, settings, monkeypatch):
    def wait(*args):
        raise OperationalError("database is locked")

    settings.SLOW_REQUEST_SECONDS = 0
    monkeypatch.setattr("workspaces.search.match_workspaces", wait)
    client = as_user(bob)
    client.raise_request_exception = False
    assert client.get("/").status_code == 503
    assert not RequestRecord.objects.exists()


def test_settings_say_where_they_come_from_and_hide_secrets(admin, monkeypatch):
    monkeypatch.setattr(env, "READ", dict(env.READ))
    monkeypatch.setenv("EXAMPLE_URL", "redis://user:hush@host/0")
    env.read_url("EXAMPLE_URL", ("redis",))
    monkeypatch.setenv("EXAMPLE_KEYS", "hush,hush")
    env.read_list("EXAMPLE_KEYS")
    env.read_int("EXAMPLE_NUMBER", 12)
    page = html_of(admin.get("/admin/settings/"))
    assert "redis://user:••••••@host/0" in page and "hush" not in page
    assert '<code>EXAMPLE_NUMBER</code></td><td class="mono">12</td><td><span class="muted">default' in page


def test_an_announcement_is_on_every_page_from_start_to_end(admin, as_user, bob):
    form = {"text": "Upgrade at six", "level": "warning", "starts_at": "", "ends_at": ""}
    assert admin.post("/admin/announcements/", form).status_code == 302
    reader = as_user(bob)
    assert "Upgrade at six" in html_of(reader.get("/")) and "Upgrade at six" in html_of(reader.get("/groups/"))
    admin.post(f"/admin/announcements/{Announcement.objects.get().pk}/end/")
    assert "Upgrade at six" not in html_of(reader.get("/"))
    assert set(Activity.objects.values_list("verb", flat=True)) >= {"announcement.create", "announcement.end"}


def test_an_announcement_waits_for_its_start_and_refuses_nonsense(owner, admin):
    later = NOW() + dt.timedelta(hours=1)
    Announcement.publish(owner, "later", starts_at=later)
    assert not Announcement.objects.shown_now() and Announcement.objects.shown_at(later)
    for fields in ({"text": " "}, {"text": "x", "ends_at": NOW()}, {"text": "x", "level": "loud"}):
        with pytest.raises(Invalid):
            Announcement.publish(owner, **fields)
    assert "is in the past" in html_of(
        admin.post("/admin/announcements/", {"text": "x", "level": "info", "ends_at": "2020-01-01T00:00"})
    )


def test_the_back_door_shows_rows_and_refuses_what_only_methods_of_models_may_do(admin, owner, cluster, host, alice):
    work = submit(cluster, alice, "r1")
    rows = {
        "workspaces/workspace": cluster.workspace.pk,
        "workspaces/subscription": cluster.workspace.resource_group.subscription_id,
        "workspaces/roleassignment": alice.roles.get().pk,
        "compute/work": work.pk,
        "compute/host": host.pk,
        "compute/computetarget": cluster.pk,
        "accounts/user": alice.pk,
    }
    for name, key in rows.items():
        page = f"/admin/rows/{name}/{key}"
        assert admin.get(f"{page}/change/").status_code == 200, name
        assert admin.post(f"{page}/delete/", {"post": "yes"}).status_code == 403, name
        if name != "accounts/user":
            assert admin.post(f"{page}/change/", {}).status_code == 403, name
            assert admin.get(f"/admin/rows/{name}/add/").status_code == 403, name
        act = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
        admin.post(f"/admin/rows/{name}/", act)
    assert Work.objects.count() == Host.objects.count() == 1 and alice.roles.count() == 1
    form = {"username": "alice", "first_name": "", "theme": "system", **factories.USER_FORM}
    admin.post(f"/admin/rows/accounts/user/{alice.pk}/change/", form)
    alice.refresh_from_db()
    assert alice.is_active, "an account is closed on its page"
    form = {"username": "owner", "first_name": "", "theme": "system", "is_staff": "on", **factories.USER_FORM}
    assert admin.post(f"/admin/rows/accounts/user/{owner.pk}/change/", form).status_code == 409
    assert admin.get("/admin/rows/").status_code == 200
