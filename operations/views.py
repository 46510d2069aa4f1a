"""The pages of the administration."""

import datetime as dt

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.form_keys import process_once
from compute.models import Host, Node, Work
from costs import charts, report
from costs.models import Usage
from operations import bulk_verbs, health, machines, overview, settings_list, storage_use, waiting
from operations.access import site_admins_only
from operations.forms import AnnouncementForm
from operations.models import Announcement, JobRecord, RequestRecord
from runs.charts.figures import build_templates
from studio.errors import Invalid
from studio.formats import format_count, parse_time
from studio.forms import attempt
from studio.htmx import render_page
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.words import split_words
from trash import orphaned_files

CHART_DAYS = 14
LEVELS = ["fail", "warn", "ok"]


@require_safe
@site_admins_only
def overview_page(request):
    now = timezone.now()
    today, counts = now.date(), overview.OverviewCounts(now)
    days = [today - dt.timedelta(days=number) for number in range(CHART_DAYS - 1, -1, -1)]
    used = report.group_by_day(Usage.objects.between_days(days[0], today), "workspace")
    has_prices = any(line.cost is not None for lines in used.values() for line in lines.values())
    context = {
        "problems": overview.find_problems(counts, now),
        "figures": overview.list_figures(counts),
        "has_prices": has_prices,
        "days": CHART_DAYS,
        "figure": charts.draw_days(used, days, by_cost=has_prices) if used else None,
        "templates": build_templates(),
    }
    return render_page(request, "operations/overview.html", context, partial="problems")


@require_safe
@site_admins_only
@accept_parameters("show")
def queue_page(request):
    """`?show=running` for running jobs, otherwise waiting ones."""
    show_running = request.GET.get("show") == "running"
    rows = waiting.list_running() if show_running else waiting.list_waiting()
    page = page_of(request, rows, size=50)
    page.object_list = list(page.object_list)
    if not show_running:
        waiting.explain_waiting(page.object_list)
    context = {
        "page": page,
        "show_running": show_running,
        "summary": waiting.count_reasons(waiting.explain_queues()),
        "waiting_count": Work.objects.filter(state=Work.State.QUEUED).count(),
        "running_count": Work.objects.held().count(),
    }
    return render_page(request, "operations/queue.html", context, partial="queue-rows")


@require_POST
@site_admins_only
def queue_front(request, pk):
    work = waiting.find_work(pk)
    waiting.move_to_front(work)
    messages.success(request, f"{work.title} is now first in the queue of {work.target.title}.")
    return redirect("operations:queue")


@require_POST
@site_admins_only
def queue_cancel(request, pk):
    work = waiting.find_work(pk)
    waiting.cancel_job(work)
    messages.success(request, f"{work.title} is canceled.")
    return redirect("operations:queue")


@require_safe
@site_admins_only
@accept_parameters("q", "state")
def machines_page(request):
    """`?state=` is one of machines.STATES, `?q=` words of the name, address or system."""
    words, state = split_words(request.GET.get("q", "")), request.GET.get("state", "")
    page = page_of(request, machines.find_hosts(words, state))
    context = {
        "page": page,
        "machines": machines.describe_machines(list(page.object_list)),
        "homeless": [] if words or state or page.has_previous() else machines.list_homeless_nodes(),
        "words": " ".join(words),
        "state": state,
        "states": machines.STATES,
        "filtered": bool(words or state),
        "verbs": bulk_verbs.MACHINES.verbs,
    }
    return render_page(request, "operations/machines.html", context, partial="machines")


@require_POST
@site_admins_only
def host_drain(request, pk):
    host = get_object_or_404(Host, pk=pk)
    host.drain()
    undo = f"undo:{reverse('operations:host_reopen', args=[pk])}"
    messages.success(request, f"{host.name} no longer accepts jobs.", extra_tags=undo)
    return redirect("operations:machines")


@require_POST
@site_admins_only
def host_reopen(request, pk):
    host = get_object_or_404(Host, pk=pk)
    host.reopen()
    messages.success(request, f"{host.name} accepts jobs again.")
    return redirect("operations:machines")


@require_POST
@site_admins_only
def node_drain(request, pk):
    node = get_object_or_404(Node.objects.select_related("target__workspace__resource_group__subscription"), pk=pk)
    node.drain()
    messages.success(request, f"{node.name} stops when its current jobs end.")
    return redirect("operations:machines")


@require_safe
@site_admins_only
def storage_page(request):
    used, total = overview.disk_use()
    rows = storage_use.list_workspaces()
    context = {"disk_used": used, "disk_total": total, "share": round(100 * used / total)}
    context |= {"page": page_of(request, rows, size=50), "verbs": bulk_verbs.WORKSPACES.verbs}
    context |= {name: sum(row[name] for row in rows) for name in ("bytes", "trash_bytes")}
    return render(request, "operations/storage.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
def storage_sweep(request):
    """Show the unused files; a POST deletes exactly those, or if they are too many for a page, starts the daily task."""
    if request.method != "POST":
        found = orphaned_files.preview_orphans(timezone.now())
        return render(request, "operations/storage_sweep.html", {"found": found})
    if request.POST.get("token"):
        at = _parse_preview_time(request.POST.get("at", ""))
        found = storage_use.delete_unused(at, request.POST["token"])
        messages.success(request, f"{format_count(len(found.keys), 'unused file')} deleted.")
    else:
        storage_use.start_sweep()
        messages.success(request, "Unused files are being deleted in the background.")
    return redirect("operations:storage")


def _parse_preview_time(text: str) -> dt.datetime:
    """The time of a preview; never later than now, because younger files may belong to uploads that still run."""
    try:
        return min(parse_time(text), timezone.now())
    except ValueError as error:
        raise Invalid(f"at={text[:50]!r}: write a time such as 2100-01-31T18:00:00Z.", target="at") from error


@require_safe
@site_admins_only
@accept_parameters("request")
def health_page(request):
    """`?request=` is the id that an error page shows."""
    wanted = request.GET.get("request", "").strip()[:32]
    records = RequestRecord.objects.filter(request_id__startswith=wanted) if wanted else RequestRecord.objects.all()
    page = page_of(request, records, size=25)
    context = {"page": page, "wanted": wanted, "jobs": list(JobRecord.objects.all())}
    context["statements"] = health.list_slow_statements()
    return render(request, "operations/health.html", context)


@require_safe
@site_admins_only
def health_doctor(request):
    """The results of `manage.py doctor` in this process, problems first."""
    # Imported here: it needs 10 MB in each process.
    from studio.doctor import run_checks

    findings = sorted(run_checks(), key=lambda finding: LEVELS.index(finding.state))
    return render(request, "operations/_doctor.html", {"findings": findings})


@require_safe
@site_admins_only
def settings_page(request):
    return render(request, "operations/settings.html", {"settings_list": settings_list.list_settings()})


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
@process_once
def announcements_page(request):
    form = AnnouncementForm(request.POST or None)
    if request.method == "POST" and attempt(form, lambda: Announcement.publish(request.user, **form.cleaned_data)):
        messages.success(request, "The announcement was published.")
        return redirect("operations:announcements")
    page = page_of(request, Announcement.objects.select_related("created_by"))
    return render(request, "operations/announcements.html", {"form": form, "page": page})


@require_POST
@site_admins_only
def announcement_end(request, pk):
    get_object_or_404(Announcement, pk=pk).end()
    messages.success(request, "The announcement has ended.")
    return redirect("operations:announcements")
