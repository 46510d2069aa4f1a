"""The first page of the administration: problems first, then figures."""

import dataclasses
import datetime as dt
import shutil

from django.conf import settings
from django.db.models import Count, Min, Q, QuerySet, Sum, Value
from django.urls import reverse
from django.utils import timezone
from lazuli.version import VERSION

from accounts.models import FailedSignIn, User
from backups.models import VERY_OLD, Backup
from compute.machine_checks import is_old
from compute.models import Host, Node, Work
from costs.models import Budget, Usage, sum_rows
from costs.report import format_dollars, format_hours
from operations.models import JobRecord, RequestRecord
from studio.formats import format_bytes, format_count
from trash.models import PurgeJob
from workspaces.associated import Fact
from workspaces.models import Workspace

LONG_WAIT = dt.timedelta(minutes=10)
FULL_DISK, NEARLY_FULL_DISK = 0.95, 0.85
MANY_FAILED_SIGN_INS = 20
DAY = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Problem:
    """`level` is bad or amber; `url` is the page on which the problem can be solved."""

    level: str
    text: str
    url: str = ""


class OverviewCounts:
    """Rows that the page counts, in two statements."""

    def __init__(self, now: dt.datetime):
        unusable = Node.objects.filter(state=Node.State.UNUSABLE, state_at__gt=now - DAY)
        counted = {
            "nodes": Node.objects.present(),
            "lost_nodes": unusable,
            "nodes_lost_now": unusable.filter(ended_at=None),
            "failed_requests": RequestRecord.objects.filter(at__gt=now - DAY, status__gte=500),
            "failed_sign_ins": FailedSignIn.objects.filter(at__gt=now - FailedSignIn.WINDOW),
            "failed_purges": PurgeJob.objects.filter(state=PurgeJob.State.FAILED, created_at__gt=now - 7 * DAY),
            "workspaces": Workspace.objects.filter(deleted_at=None),
            "people": User.objects.filter(is_active=True, kind=User.Kind.PERSON),
        }
        first, *others = [_count(name, rows) for name, rows in counted.items()]
        self.of = dict.fromkeys(counted, 0) | dict(first.union(*others, all=True))
        queued = Q(state=Work.State.QUEUED)
        work = Work.objects.filter(state__in=[Work.State.QUEUED, Work.State.CLAIMED]).aggregate(
            running=Count("pk", filter=~queued),
            waiting=Count("pk", filter=queued),
            oldest=Min("queued_at", filter=queued),
        )
        self.running, self.waiting, self.oldest = work["running"], work["waiting"], work["oldest"]


def _count(name: str, rows: QuerySet) -> QuerySet:
    """A row with the name and the number of rows; none if there are none."""
    return rows.order_by().values(what=Value(name)).annotate(count=Count("pk")).values_list("what", "count")


def find_problems(counts: OverviewCounts, now: dt.datetime) -> list[Problem]:
    """All problems, the red ones first."""
    found = [*_check_hosts(), *_check_nodes(counts), *_check_queue(counts, now), *_check_disk(), *_check_jobs()]
    found += [*_check_counts(counts), *_check_budgets(), *_check_backups()]
    return sorted(found, key=lambda problem: problem.level != "bad")


def _check_hosts():
    url = reverse("operations:machines")
    hosts = list(Host.objects.order_by("name"))
    silent = [host for host in hosts if not host.is_alive]
    if len(silent) == len(hosts):
        yield Problem("bad", "No machine is connected, so no job can start.", url)
    elif silent:
        names = ", ".join(host.name for host in silent[:5])
        yield Problem("bad", f"Machines that are not connected: {names}.", url)
    if old := [host.name for host in hosts if host.is_alive and is_old(host)]:
        yield Problem("amber", f"Machines with another version than {VERSION}: {', '.join(old[:5])}.", url)
    for host in hosts:
        if host.quarantined_at:
            yield Problem("bad", f"{host.name} is in quarantine: {host.quarantine_reason}", url)
        if host.lost_gpus:
            yield Problem(
                "bad", f"{host.name} has lost GPUs, which no job uses: {', '.join(host.lost_gpu_list[:8])}.", url
            )
        if host.is_alive and host.isolation_problem:
            yield Problem("bad", f"Scripts on {host.name} are not isolated. {host.isolation_problem}", url)


def _check_nodes(counts: OverviewCounts):
    if lost := counts.of["lost_nodes"]:
        level = "bad" if counts.of["nodes_lost_now"] else "amber"
        yield Problem(level, f"Nodes lost in the last 24 hours: {lost}.", reverse("operations:machines"))


def _check_queue(counts: OverviewCounts, now: dt.datetime):
    if counts.oldest and now - counts.oldest > LONG_WAIT:
        minutes = int((now - counts.oldest).total_seconds() // 60)
        yield Problem("amber", f"A job has waited for {minutes} minutes.", reverse("operations:queue"))


def disk_use() -> tuple[int, int]:
    """Used and all bytes of the disk with the data folder."""
    disk = shutil.disk_usage(settings.DATA_DIR)
    return disk.total - disk.free, disk.total


def _check_disk():
    used, total = disk_use()
    share = used / total
    if share > NEARLY_FULL_DISK:
        level = "bad" if share > FULL_DISK else "amber"
        yield Problem(level, f"The disk of the data folder is {share:.0%} full.", reverse("operations:storage"))


def _check_counts(counts: OverviewCounts):
    if failed := counts.of["failed_requests"]:
        yield Problem("bad", f"Requests that failed in the last 24 hours: {failed}.", reverse("operations:health"))
    if failed := counts.of["failed_purges"]:
        yield Problem("bad", f"Permanent deletions that failed this week: {failed}.", reverse("operations:storage"))
    failed = counts.of["failed_sign_ins"]
    if failed >= MANY_FAILED_SIGN_INS:
        url = f"{reverse('workspaces:site_activity')}?verb=session.begin&outcome=refused"
        yield Problem("amber", f"{failed} wrong passwords or links in the last hour.", url)


def _check_jobs():
    url = reverse("operations:health")
    records = list(JobRecord.objects.all())
    late = [record for record in records if record.is_late]
    if records and len(late) == len(records):
        yield Problem("bad", "The control worker does not respond: nodes are neither started nor removed.", url)
    elif late:
        yield Problem("bad", f"Periodic jobs that are late: {', '.join(one.name for one in late)}.", url)
    for record in records:
        if record.error:
            yield Problem("bad", f"The periodic job {record.name} failed: {record.error}", url)


def _check_budgets():
    for budget in Budget.objects.filter(is_warned=True).select_related("person", "group", "workspace", "subscription"):
        level = "bad" if budget.is_used_up else "amber"
        yield Problem(level, f"The budget of {budget.label}: {budget.state}.", reverse("operations:limits"))


def _check_backups():
    """Check backups if there is a schedule or was a backup."""
    url, newest = reverse("operations:backups"), Backup.objects.first()
    good = Backup.objects.last_good() if newest else None
    if newest and newest.state == Backup.State.FAILED:
        yield Problem("bad", f"The last backup failed: {newest.error}", url)
    if newest and newest.check_error:
        yield Problem("bad", f"The last backup is damaged: {newest.check_error.splitlines()[0]}", url)
    oldest_allowed = dt.timedelta(hours=2 * settings.BACKUP_HOURS) if settings.BACKUP_HOURS else VERY_OLD
    if good and good.age > oldest_allowed:
        yield Problem("bad", f"The last verified backup is {format_count(good.age.days, 'day')} old.", url)


def list_figures(counts: OverviewCounts) -> list[Fact]:
    queue, storage = reverse("operations:queue"), reverse("operations:storage")
    return [
        Fact("Jobs running", f"{counts.running:,}", f"{queue}?show=running"),
        Fact("Jobs waiting", f"{counts.waiting:,}", queue),
        Fact("Nodes", f"{counts.of['nodes']:,}", reverse("operations:machines")),
        Fact("Workspaces", f"{counts.of['workspaces']:,}", storage),
        Fact("People", f"{counts.of['people']:,}", reverse("operations:people")),
        *_list_usage(),
    ]


def _list_usage():
    today, costs = timezone.now().date(), reverse("costs:site")
    month, yesterday = today.replace(day=1), today - DAY
    # One statement for both.
    days = Usage.objects.filter(day__gte=min(month, yesterday)).order_by().values_list("kind", "day")
    rows = list(days.annotate(Sum("seconds"), Sum("cost"), Sum("bytes")))
    used = sum_rows((kind, seconds, cost) for kind, day, seconds, cost, _ in rows if day >= month)
    yield Fact("Node-hours this month", format_hours((used["job_seconds"] + used["idle_seconds"]) / 3600), costs)
    if used["cost"] is not None:
        yield Fact("Cost this month", format_dollars(used["cost"]), costs)
    stored = {day: size for kind, day, _, _, size in rows if kind == Usage.Kind.STORAGE and day >= yesterday}
    if stored:
        yield Fact("Stored", format_bytes(stored[max(stored)]), reverse("operations:storage"))
