"""Quotas hold what would exceed them and name the tightest; budgets warn, block and stop."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.activity import Activity
from accounts.authentication import make_run_token
from compute import autoscaler, notifications, queue
from compute.models import Assignment, Node, VmSize, Work
from compute.waiting import QueueView
from costs import budgets, limits, quotas, rules
from costs.limit_models import Budget, Quota
from costs.models import Usage
from studio.errors import Conflict, Invalid
from tests import factories
from tests.html import html_of
from workspaces.models import UserGroup


@pytest.fixture
def cluster(workspace, monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    return factories.make_target(workspace, "cpu-cluster", max_nodes=4, min_nodes=1)


@pytest.fixture
def nodes(cluster):
    host = factories.make_host(heartbeat_at=timezone.now())
    resources = {
        "cores": cluster.node_resources.cores,
        "memory_gb": cluster.node_resources.memory_gb,
        "state": Node.State.IDLE,
    }
    return [factories.make_node(cluster, host, **resources) for _ in range(3)]


def submit(cluster, user, name: str) -> Work:
    return queue.enqueue(cluster, f"run:{name}", {}, user)


def spend(workspace, hours: float, **fields) -> None:
    now = timezone.now()
    times = {"day": now.date(), "started_at": now, "ended_at": now, "seconds": hours * 3600}
    node = f"node-{next(factories.counter)}"
    Usage.objects.create(kind="job", **Usage.path_of(workspace), **times, node=node, **fields)


def test_a_quota_of_a_person_holds_the_next_job_and_is_named(cluster, nodes, alice, bob):
    Quota.set(alice, running_jobs=1)
    first, second, other = (submit(cluster, user, name) for user, name in ((alice, "a1"), (alice, "a2"), (bob, "b1")))
    assert queue.claim_work(nodes[0]).pk == first.pk
    assert queue.claim_work(nodes[1]).pk == other.pk
    assert queue.claim_work(nodes[2]) is None
    reasons = QueueView(cluster).explain(second).reasons
    assert reasons[0] == "Of the quota of alice, 1 of 1 running jobs are in use."
    queue.finish_work(first.pk, 1)
    assert queue.claim_work(nodes[2]).pk == second.pk


def test_a_quota_for_each_person_yields_to_a_person_s_own(cluster, nodes, alice, bob):
    Quota.set(None, running_jobs=1)
    Quota.set(bob, running_jobs=2)
    for user, name in ((alice, "a1"), (alice, "a2"), (bob, "b1"), (bob, "b2")):
        submit(cluster, user, name)
    taken = [queue.claim_work(node) for node in nodes]
    assert sorted(work.subject for work in taken) == ["a1", "b1", "b2"]


def test_cores_of_a_workspace_count_whole_nodes(cluster, nodes, workspace, alice):
    cores = cluster.node_resources.cores
    Quota.set(workspace, cores=2 * cores - 1)
    first, second = submit(cluster, alice, "a1"), submit(cluster, alice, "a2")
    assert queue.claim_work(nodes[0]).pk == first.pk and queue.claim_work(nodes[1]) is None
    reason = QueueView(cluster).explain(second).reasons[0]
    assert f"{cores} of {2 * cores - 1} cores are in use. This job needs {cores}." in reason
    assert not autoscaler.count_further_nodes([], [], cluster.node_resources, 4)


def test_the_tightest_comes_first(workspace, cluster, nodes, alice):
    Quota.set(alice, running_jobs=2)
    Quota.set(workspace.resource_group.subscription, running_jobs=1, nodes=30)
    submit(cluster, alice, "a1")
    queue.claim_work(nodes[0])
    words = [(one.quota.label, one.name, one.used) for one in quotas.list_applied(alice, workspace)]
    assert [name for _, name, _ in words] == ["running_jobs", "running_jobs", "nodes"]
    assert words[0] == ("the subscription sub-1", "running_jobs", 1) and words[-1][2] == 3


def test_the_members_of_a_group_share_its_quota(cluster, nodes, alice, bob, mallory):
    team = UserGroup.objects.create(name="team")
    team.members.add(alice, bob)
    Quota.set(team, running_jobs=1)
    works = [submit(cluster, user, user.username) for user in (alice, bob, mallory)]
    assert [queue.claim_work(node) for node in nodes] == [works[0], works[2], None]
    assert QueueView(cluster).explain(works[1]).reasons[0].startswith("Of the quota of the group team, 1 of 1 running")
    assert not quotas.list_applied(mallory, cluster.workspace)
    with pytest.raises(Invalid, match="Nodes and storage belong to workspaces"):
        Quota.set(team, nodes=3)


@pytest.mark.parametrize("name", ["cores", "memory_gb", "gpus"])
def test_each_resource_has_its_quota(cluster, nodes, workspace, alice, name):
    size = cluster.size
    VmSize.objects.filter(pk=size.pk).update(gpus=2)
    limit = int({"cores": size.vcpus, "memory_gb": size.memory_gb, "gpus": 2}[name])
    Quota.set(workspace, **{name: limit})
    first, second = submit(cluster, alice, "a1"), submit(cluster, alice, "a2")
    assert queue.claim_work(nodes[0]).pk == first.pk
    Assignment.objects.update(gpus=2)
    assert queue.claim_work(nodes[1]) is None
    # The size is read again.
    second = Work.objects.get(pk=second.pk)
    reason = QueueView(second.target).explain(second).reasons[0]
    assert f"{limit:,} of {limit:,} {quotas.WORDS[name]} are in use. This job needs {limit:,}." in reason


def test_a_job_on_several_nodes_needs_all_of_their_cores(cluster, nodes, workspace, alice):
    cores = cluster.node_resources.cores
    Quota.set(workspace, cores=2 * cores - 1)
    work = submit(cluster, alice, "a1")
    Work.objects.filter(pk=work.pk).update(node_count=2)
    assert not Work.objects.startable(timezone.now()).exists()
    assert f"This job needs {2 * cores}" in QueueView(cluster).explain(Work.objects.get()).reasons[0]


def test_a_soft_quota_counts_while_somebody_else_waits(cluster, nodes, workspace, alice, bob):
    Quota.set(alice, running_jobs=1, is_soft=True)
    works = [submit(cluster, alice, f"a{number}") for number in range(3)]
    assert queue.claim_work(nodes[0]) == works[0] and queue.claim_work(nodes[1]) == works[1]
    assert not QueueView(cluster).explain(works[2]).reasons[0].startswith("Of the quota")
    other = submit(cluster, bob, "b1")
    assert QueueView(cluster).explain(works[2]).reasons[0].startswith("Of the quota of alice, 2 of 1 running jobs")
    assert queue.claim_work(nodes[2]) == other
    assert Work.objects.startable(timezone.now()).get() == works[2]


def test_a_quota_of_nodes_limits_the_autoscaler(cluster, nodes, workspace, alice):
    Quota.set(workspace, nodes=3)
    for number in range(6):
        submit(cluster, alice, f"a{number}")
    for node in nodes:
        queue.claim_work(node)
    autoscaler.autoscale()
    assert Node.objects.usable().count() == 3


def test_full_storage_refuses_new_jobs_and_uploads(cluster, workspace, alice, api):
    Quota.set(workspace, storage_gb=1)
    now = timezone.now()
    times = {"day": now.date(), "started_at": now, "ended_at": now}
    Usage.objects.create(kind="storage", **Usage.path_of(workspace), **times, bytes=2**31)
    with pytest.raises(Conflict, match="2 of 1 GB of storage are in use") as refused:
        submit(cluster, alice, "a1")
    assert refused.value.code == "QuotaExceeded"
    address = f"{workspace.arm_id}/datastores/workspaceblobstore/files"
    answer = api(alice).put(f"{address}/content?path=a.csv", b"a", content_type="application/octet-stream")
    assert answer.status_code == 409 and "2 of 1 GB of storage are in use" in answer.text
    run = factories.make_run(workspace, status="Running")
    proxy = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow-artifacts/artifacts"
    file_of_run = f"/history/v1.0{workspace.arm_id}/runs/{run.run_id}/artifacts/content?path=a"
    for url in (file_of_run, f"{proxy}/up/a", f"{proxy}/0/{run.run_id}/artifacts/a", f"{workspace.arm_id}/uploads/a"):
        answer = api(alice).put(url, b"a", content_type="application/octet-stream")
        assert answer.status_code == 409 and "2 of 1 GB" in answer.text, (url, answer.text)
    script = api(make_run_token(alice.pk, workspace.pk, run.run_id, 0))
    for url, status in ((file_of_run, 201), (f"{proxy}/0/{run.run_id}/artifacts/b", 200)):
        assert script.put(url, b"a", content_type="application/octet-stream").status_code == status, url
    Quota.set(workspace, storage_gb=3)
    answer = api(alice).put(f"{address}/content?path=a.csv", b"a", content_type="application/octet-stream")
    assert answer.status_code == 201


def test_no_caller_may_set_limits_that_the_page_refuses(workspace):
    for name, rule in rules.QUOTA_RULES.items():
        for value in (-1, rule.limits["maximum"] + 1, 1.5):
            with pytest.raises(Invalid, match="write a whole number from 0") as refused:
                Quota.set(workspace, **{name: value})
            assert refused.value.target == name
    for amount in (0, 0.001, 10**9 + 1, float("nan")):
        with pytest.raises(Invalid, match="write a number from 0"):
            Budget.set(workspace, amount, "dollars")


def test_a_quota_is_one_of_its_scope_and_says_what_is_wrong(workspace, alice):
    assert Quota.set(alice, cores=4).pk == Quota.set(alice, cores=5).pk
    for scope, given in ((alice, {"nodes": 3}), (None, {"storage_gb": 3}), (workspace, {"cores": None})):
        with pytest.raises(Invalid):
            Quota.set(scope, **given)
    Quota.objects.create(cores=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Quota.objects.create(cores=2)
    row = Activity.objects.filter(verb="quota.set").latest("pk")
    assert (row.label, row.changes) == ("alice", {"cores": [4, 5]})


def test_a_budget_warns_once_and_blocks_when_it_is_used_up(cluster, nodes, workspace, alice):
    waiting = submit(cluster, alice, "a1")
    Budget.set(workspace, 10, "dollars", blocks_new_work=True)
    spend(workspace, 1, cost=8.5)
    for _ in range(2):
        budgets.check_budgets(timezone.now())
    assert limits.find_held() is None and Activity.objects.filter(verb="budget.warn").count() == 1
    spend(workspace, 1, cost=2)
    budgets.check_budgets(timezone.now())
    assert queue.claim_work(nodes[0]) is None
    assert "is used up: $10.50 of $10.00" in QueueView(cluster).explain(waiting).reasons[0]
    with pytest.raises(Conflict, match=r"\$10.50 of \$10.00") as refused:
        submit(cluster, alice, "a2")
    assert refused.value.code == "BudgetUsedUp"
    assert Activity.objects.get(verb="budget.use_up").message == "$10.50 of $10.00"


def test_a_used_up_budget_of_a_group_cancels_its_jobs_and_no_others(cluster, nodes, workspace, alice, bob):
    team = UserGroup.objects.create(name="team")
    team.members.add(alice)
    runs = {}
    for user in (alice, bob):
        run = factories.make_run(workspace, status="Running")
        run.work = submit(cluster, user, run.run_id)
        run.save(update_fields=["work"])
        runs[user] = run
    budget = Budget.set(team, 1, "hours", cancels_jobs=True)
    assert budget.blocks_new_work
    spend(workspace, 2, person="alice")
    for _ in range(2):
        budgets.check_budgets(timezone.now())
    for run in runs.values():
        run.refresh_from_db()
    assert runs[alice].status in ("CancelRequested", "Canceled") and runs[bob].status == "Running"
    assert Activity.objects.get(verb="run.cancel").message == (
        "The budget of the group team for this month is used up: 2.0 of 1.0 node-hours."
    )
    assert Activity.objects.get(verb="budget.cancel").message == "1 job canceled"


def test_a_used_up_budget_lets_each_job_wait_for_an_approval(cluster, nodes, workspace, alice, owner, as_user):
    with pytest.raises(Invalid, match="either be blocked or wait"):
        Budget.set(workspace, 1, "hours", asks_approval=True, cancels_jobs=True)
    Budget.set(workspace, 1, "hours", asks_approval=True)
    spend(workspace, 2)
    budgets.check_budgets(timezone.now())
    first, second = submit(cluster, alice, "a1"), submit(cluster, alice, "a2")
    assert queue.claim_work(nodes[0]) is None
    assert "It waits for a site admin to approve it" in QueueView(cluster).explain(first).reasons[0]
    page = html_of(as_user(owner).get("/admin/limits/"))
    assert "Jobs that wait for an approval" in page and f"/admin/limits/work/{second.pk}/approve/" in page
    assert as_user(alice).post(f"/admin/limits/work/{second.pk}/approve/").status_code == 403
    assert as_user(owner).post(f"/admin/limits/work/{second.pk}/approve/").status_code == 302
    assert as_user(owner).post(f"/admin/limits/work/{second.pk}/approve/").status_code == 409
    assert queue.claim_work(nodes[0]) == second and queue.claim_work(nodes[1]) is None
    assert Activity.objects.get(verb="budget.approve").actor_name == owner.label


def test_a_new_month_or_a_larger_budget_frees_the_queue(cluster, nodes, workspace, alice):
    submit(cluster, alice, "a1")
    Budget.set(alice, 1, "hours", blocks_new_work=True)
    spend(workspace, 2, person="alice")
    budgets.check_budgets(timezone.now())
    assert queue.claim_work(nodes[0]) is None
    next_month = timezone.now().replace(day=1) + dt.timedelta(days=32)
    budgets.check_budgets(next_month)
    assert queue.claim_work(nodes[0])


def test_a_used_up_budget_stops_idle_nodes_with_their_minimum(cluster, nodes, workspace):
    Budget.set(workspace.resource_group.subscription, 1, "hours", stops_idle_nodes=True)
    spend(workspace, 2)
    budgets.check_budgets(timezone.now())
    autoscaler.autoscale()
    assert not Node.objects.usable().exists()
    autoscaler.autoscale()
    assert not Node.objects.usable().exists()


def test_without_limits_a_claim_takes_one_statement_more(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert limits.find_held() is None


def test_what_applies_is_shown_before_submitting(as_user, workspace, alice):
    Quota.set(None, running_jobs=3)
    Budget.set(workspace, 10, "hours", blocks_new_work=True)
    for _ in range(3):
        run = factories.make_run(workspace)
        spend(workspace, 0.5, experiment="exp", work=run.experiment.experiment_id, work_scope=f"run:{run.run_id}")
    budgets.check_budgets(timezone.now())
    found = limits.describe_before_submitting(alice, workspace, "exp")
    assert found["typical"] == {"count": 3, "hours": 0.5, "cost": None}
    run = factories.make_run(workspace, job={"command": "true", "computeId": "local"}, run_type="azureml.scriptrun")
    page = html_of(as_user(alice).get(f"/ws/aml-workspace/runs/{run.run_id}/resubmit/"))
    assert "Each person: running jobs" in page and "1.5 of 10.0 node-hours" in page


def test_site_admins_set_and_remove_them_by_page(as_user, owner, workspace, alice):
    client = as_user(owner)
    quota = {"quota-kind": "person", "quota-name": "Alice", "quota-running_jobs": "2"}
    assert client.post("/admin/limits/?set=quota", quota).status_code == 302
    budget = {
        "budget-kind": "workspace",
        "budget-name": "aml-workspace",
        "budget-amount": "50",
        "budget-unit": "dollars",
    }
    assert client.post("/admin/limits/?set=budget", budget).status_code == 302
    page = html_of(client.get("/admin/limits/"))
    assert "$0.00 of $50.00" in page and "The workspace aml-workspace" in page
    wrong = client.post("/admin/limits/?set=quota", quota | {"quota-name": "nobody"})
    assert wrong.status_code == 400 and "There is no person &#x27;nobody&#x27;" in html_of(wrong)
    client.post(f"/admin/limits/quotas/{Quota.objects.get().pk}/delete/")
    client.post(f"/admin/limits/budgets/{Budget.objects.get().pk}/delete/")
    assert not Quota.objects.exists() and not Budget.objects.exists()
