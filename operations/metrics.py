"""`/metrics`: gauges and counters from the database in Prometheus' text format; with base units, without people and
jobs as labels."""

import datetime as dt
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Max, Min, Sum
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.activity import Activity
from accounts.actors import Actor, actor_of_request
from accounts.authentication import actor_of_token
from backups.models import Backup
from compute.models import ApplicationSession, ComputeTarget, Host, Node, Work
from costs.models import Usage
from endpoints.models import TrafficMinute
from operations import process_metrics, waiting
from operations.models import JobRecord
from runs.models import Run
from studio import hosts
from studio.client_address import client_address

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LOOPBACK = {"127.0.0.1", "::"}
PROXIED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA")


@login_not_required
@require_safe
def metrics(request):
    if not _is_local(request) and not _is_admin(request):
        # Not a page, because the client may be unknown.
        text = "Metrics open to site admins' tokens (Authorization: Bearer …) and to this machine alone.\n"
        return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")
    return HttpResponse("".join(write_metrics()), content_type=CONTENT_TYPE)


def _is_local(request) -> bool:
    """Whether a request comes from this machine to its own address, and not through a proxy."""
    if any(name in request.META for name in PROXIED):
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return client_address(request).partition("/")[0] in LOOPBACK and hosts.is_loopback(host)


def _is_admin(request) -> bool:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret and not secret.startswith("run."):
        actor: Actor | None = actor_of_token(secret, "GET", "/metrics")
        return actor is not None and actor.is_site_admin
    return request.user.is_authenticated and actor_of_request(request).is_site_admin


def write_metrics() -> Iterator[str]:
    for name, kind, samples in _list_metrics():
        yield f"# TYPE {name} {kind}\n"
        for labels, value in samples:
            yield _write_sample(name, labels, value)
    for name, kind, counted in process_metrics.list_counted():
        yield f"# TYPE {name} {kind}\n"
        for whole_name, labels, value in counted:
            yield _write_sample(whole_name, labels, value)


def _write_sample(name: str, labels: dict, value) -> str:
    words = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"{name}{{{words}}} {value}\n" if words else f"{name} {value}\n"


def _escape(text) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _list_metrics():
    names = dict(ComputeTarget.objects.present().values_list("pk", "name"))
    yield from _list_connections()
    yield "lazuli_build_info", "gauge", [({"version": version("lazuli-sdk")}, 1)]
    active = Run.objects.active().order_by().values_list("status").annotate(Count("pk"))
    yield "lazuli_runs", "gauge", [({"state": state}, number) for state, number in active]
    yield from _list_queues(names)
    nodes = Node.objects.present().order_by().values_list("target", "state").annotate(Count("pk"))
    yield (
        "lazuli_nodes",
        "gauge",
        [({"cluster": names[key], "state": state}, number) for key, state, number in nodes if key in names],
    )
    now = timezone.now()
    seen = [(host.name, now - host.heartbeat_at) for host in Host.objects.exclude(heartbeat_at=None)]
    yield "lazuli_host_last_seen_seconds", "gauge", [({"host": name}, age.total_seconds()) for name, age in seen]
    yield from _list_usage()
    sign_ins = Activity.objects.filter(verb="session.begin").order_by().values_list("outcome").annotate(Count("pk"))
    yield "lazuli_signin_total", "counter", [({"outcome": outcome}, number) for outcome, number in sign_ins]
    good = Backup.objects.last_good()
    made = [({}, good.started_at.timestamp())] if good and good.started_at else []
    yield "lazuli_backup_last_success_timestamp_seconds", "gauge", made
    done = JobRecord.objects.exclude(succeeded_at=None).values_list("name", "succeeded_at")
    yield "lazuli_job_last_success_timestamp_seconds", "gauge", [({"job": name}, at.timestamp()) for name, at in done]


def _list_connections():
    """Requests in progress at services, and open browser sessions of applications."""
    since = timezone.now() - dt.timedelta(minutes=1)
    busy = TrafficMinute.objects.filter(minute__gte=since).order_by().values("endpoint").annotate(Max("busy"))
    sessions = (
        ApplicationSession.objects.filter(created_at__gte=since - dt.timedelta(days=1)).exclude(cookie="").count()
    )
    services = sum(row["busy__max"] for row in busy)
    samples = [({"kind": "service"}, services), ({"kind": "application"}, sessions)]
    yield "lazuli_gateway_connections", "gauge", samples


def _list_queues(names: dict):
    reasons, now = waiting.explain_queues(), timezone.now()
    rows = Work.objects.filter(state=Work.State.QUEUED).order_by().values_list("target")
    found = [row for row in rows.annotate(Count("pk"), Min("queued_at")) if row[0] in reasons and row[0] in names]
    yield (
        "lazuli_queue_depth",
        "gauge",
        [({"cluster": names[key], "reason": reasons[key]}, number) for key, number, _ in found],
    )
    yield (
        "lazuli_queue_oldest_seconds",
        "gauge",
        [({"cluster": names[key]}, (now - oldest).total_seconds()) for key, _, oldest in found],
    )


def _list_usage():
    used = Usage.objects.order_by().values_list("workspace").annotate(Sum("seconds"), Sum("cost"))
    totals = [(name, seconds, cost) for name, seconds, cost in used]
    yield "lazuli_node_seconds_total", "counter", [({"workspace": name}, seconds) for name, seconds, _ in totals]
    yield "lazuli_cost_total", "counter", [({"workspace": name}, cost) for name, _, cost in totals if cost is not None]
    yesterday = timezone.now().date() - dt.timedelta(days=1)
    stored = Usage.objects.filter(kind=Usage.Kind.STORAGE, day__gte=yesterday).order_by("day")
    stored = stored.values_list("workspace", "bytes")
    yield "lazuli_storage_bytes", "gauge", [({"workspace": name}, size) for name, size in dict(stored).items()]
