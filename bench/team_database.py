"""The figures of bench/team.py that the measuring process takes itself: permissions, activity log, administration, bulk acts."""

import datetime as dt
import os
import random
import time

import fill
import search

CALLS, ACTS, JOBS, HOSTS = 500, 300, 10_000, 100
# Rows of a statement, which must end in time.
AT_ONCE = 10_000
MONTH = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def make_team(password: str):
    """A workspace with its owner, a person with a role and one without."""
    from accounts.models import User
    from workspaces.models import ResourceGroup, Role, RoleAssignment, Subscription, UserGroup, Workspace

    owner = User.objects.create_user("bench-owner", is_superuser=True, is_staff=True)
    subscription = Subscription.objects.create(subscription_id="bench-team")
    group = ResourceGroup.objects.create(subscription=subscription, name="team")
    workspace = Workspace.objects.create(resource_group=group, name="team", slug="bench-team", created_by=owner)
    anna, _ = [User.objects.create_user(name, password=password) for name in ("anna", "berta")]
    team = UserGroup.objects.create(name="team")
    team.members.add(anna)
    RoleAssignment.objects.create(group=team, role=Role.CONTRIBUTOR, workspace=workspace)
    return workspace, owner


def measure_database(size, workspace, owner, host: str):
    from django.test import Client

    client = Client(headers={"Host": host})
    client.force_login(owner)
    yield measure_permission(workspace)
    yield measure_wrong_provider(client, owner)
    yield measure_forecast(workspace)
    add_activities(size.activities, workspace)
    yield from measure_activity_log(size, client, workspace, owner)
    experiment = fill.fill(size.runs)
    add_nodes(size.nodes, experiment.workspace)
    times, _, statements = search.timed(lambda: client.get("/admin/"))
    yield "overview of the administration", 200, median_of(times), "ms", "processor"
    yield "its statements", 12, statements, "", f"{size.nodes:,} nodes, {size.runs:,} jobs"
    yield from measure_bulk_act(client, owner)
    add_files(size.megabytes, fill.fill(2))


def median_of(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def measure_permission(workspace):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from accounts.actors import Actor
    from accounts.models import User
    from workspaces.access import can

    with CaptureQueriesContext(connection) as requested:
        assert can(Actor(User.objects.get(username="anna")), "edit", workspace)
    actor, began = Actor(User.objects.get(username="anna")), search.processor_ms()
    for _ in range(CALLS):
        can(actor, "edit", workspace)
    more = f"processor, mean of {CALLS}; {len(requested) - 1} statement, the role by a group"
    return "`can()`", 2, (search.processor_ms() - began) / CALLS, "ms", more


def measure_wrong_provider(client, owner):
    from accounts.actors import Actor
    from accounts.models import IdentityProvider

    fields = {"name": "Corp", "issuer": "http://localhost:9", "client_id": "studio", "scopes": "openid"}
    flags = {"trusts_email": False, "makes_accounts": True, "needs_approval": False, "is_active": False}
    IdentityProvider.create(Actor(owner), "corp", "secret", groups_claim="", **fields, **flags)
    # The page with the button, which a site admin opens before.
    client.get("/providers/corp/")
    begun = time.perf_counter()
    answer = client.post("/providers/corp/test/")
    seconds = time.perf_counter() - begun
    assert answer.status_code == 200 and b"status-bad" in answer.content, answer.status_code
    return "*Test connection* of an identity provider that is not there", 1, seconds, "s", ""


def spend(workspace, at: dt.datetime, hours: float) -> None:
    from costs.models import Usage

    times = {"day": at.date(), "started_at": at, "ended_at": at, "seconds": hours * 3600}
    Usage.objects.create(kind="job", **Usage.path_of(workspace), **times, node=f"node of {at}")


def measure_forecast(workspace):
    """A month with quiet weekends and chance; each forecast from its eighth day on against what came."""
    from costs.forecast import forecast_month
    from costs.models import Usage

    chance, days = random.Random(1), [MONTH + dt.timedelta(days=day) for day in range(-7, 30)]
    hours = {day: (4 if day.weekday() > 4 else 12) * chance.uniform(0.7, 1.3) for day in days}
    for day, value in hours.items():
        spend(workspace, day, value)
    rows = Usage.objects.in_workspaces([workspace.pk])
    total = sum(value for day, value in hours.items() if day >= MONTH)
    errors = [abs(forecast_month(rows, day).node_hours / total - 1) * 100 for day in days[14:]]
    more = f"the largest of {len(errors)} days of an invented month, median {median_of(errors):.1f} %"
    return "error of a forecast after 7 days", 15, max(errors), "%", more


def add_activities(total: int, workspace) -> None:
    """Rows without digests, which neither pages nor downloads compute."""
    from django.db import connection

    from accounts.activity import HASHED, Activity

    last = Activity.objects.filter(chain=workspace.pk).order_by("-number").values_list("number", flat=True).first() or 0
    fields = [*HASHED, "digest"]
    values = (
        f"{workspace.pk}, {last} + n, now() - n * interval '1 second', md5(n::text), 'person', mod(n, 50), 'person ' || mod(n, 50), '', NULL, "
        "'10.0.0.1', CASE WHEN mod(n, 3) = 0 THEN 'role.add' ELSE 'run.delete' END, 'run', n::text, 'run ' || n, %s, 'done', '', "
        "'{}', md5(n::text), md5(n::text)"
    )
    table = Activity._meta.db_table
    with connection.cursor() as cursor:
        for first in range(1, total + 1, AT_ONCE):
            numbers = f"generate_series({first}, {min(total, first + AT_ONCE - 1)}) n"
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(fields)}) SELECT {values} FROM {numbers}", [workspace.arm_id]
            )
        cursor.execute(f"ANALYZE {table}")


def measure_activity_log(size, client, workspace, owner):
    from django.db import transaction

    from accounts import activity
    from accounts.actors import Actor
    from workspaces.models import Workspace

    for what, path in (("a workspace", f"/ws/{workspace.slug}/activity/"), ("the site", "/activity/")):
        times, _, statements = search.timed(lambda path=path: client.get(path))
        yield f"activity log of {what}", 100, median_of(times), "ms", f"processor; {statements} statements"
    begun, rows = time.perf_counter(), 0
    for piece in client.get(f"/ws/{workspace.slug}/activity/jsonl/").streaming_content:
        rows += piece.count(b"\n")
    seconds = time.perf_counter() - begun
    yield "download of the activity log", -20_000, rows / seconds, "rows/s", f"{rows:,} rows as JSON lines"
    used = {}
    for has_row in (False, True):
        began = search.processor_ms()
        for number in range(ACTS):
            with transaction.atomic():
                Workspace.objects.filter(pk=workspace.pk).update(description=f"act {number}")
                if has_row:
                    activity.record("run.delete", None, scope=workspace, label=f"{number} jobs", actor=Actor(owner))
        used[has_row] = (search.processor_ms() - began) / ACTS
    more = f"processor, mean of {ACTS} acts with their row ({used[True]:.2f} ms) and without it ({used[False]:.2f} ms)"
    yield "cost of a row of the activity log", 1, used[True] - used[False], "ms", more


def add_nodes(total: int, workspace) -> None:
    from django.utils import timezone

    from compute.models import Cluster, ComputeTarget, Host, Node

    now = timezone.now()
    fields = {"location": "eastus", "vm_size": "STANDARD_DS11_V2"}
    target = ComputeTarget.objects.create(workspace=workspace, name="many", **fields)
    Cluster.objects.create(target=target, max_nodes=total)
    rows = [Host(name=f"bench-{number}", cpus=256, memory_gb=1024, heartbeat_at=now) for number in range(HOSTS)]
    hosts = Host.objects.bulk_create(rows)
    nodes = (
        Node(target=target, host=hosts[number % HOSTS], name=f"bench-{number}", state="idle", heartbeat_at=now)
        for number in range(total)
    )
    Node.objects.bulk_create(nodes, 1000)


def measure_bulk_act(client, owner):
    from django.urls import reverse

    from runs import bulk_work
    from runs.models import BulkAct

    experiment = fill.fill(JOBS)
    workspace = experiment.workspace
    address = reverse("runs:runs_delete", args=[workspace.slug])
    body = {"all": "1", "query": "", "experiment": str(experiment.experiment_id)}
    times, _, statements = search.timed(lambda: client.post(address, body))
    yield f"preview of a bulk act on {JOBS:,} jobs", 500, median_of(times), "ms", f"processor; {statements} statements"
    keys = sorted(experiment.runs.values_list("pk", flat=True))
    act = BulkAct.queue(workspace, owner, BulkAct.Verb.DELETE, keys)
    for what, begin in (("the act, in a job of the control worker", lambda: act), ("its undo, in one act", act.undo)):
        done, begun = begin(), time.perf_counter()
        while bulk_work.run_turn():
            continue
        seconds = time.perf_counter() - begun
        for row in (act, done):
            row.refresh_from_db()
        assert done.state == "Completed" and done.changed == JOBS, done.log
        yield what, 30, seconds, "s", f"{done.changed:,} jobs"


def add_files(megabytes: int, experiment) -> None:
    from runs.models import Artifact, ArtifactSegment
    from studio import storage

    run, size = experiment.runs.select_related("workspace").earliest("pk"), 1024 * 1024
    for number in range(megabytes):
        key = storage.make_key(run.storage_area)
        storage.put_bytes(key, os.urandom(size))
        file = Artifact.objects.create(run=run, path=f"outputs/{number}.bin", size=size)
        ArtifactSegment.objects.create(artifact=file, offset=0, size=size, key=key)
