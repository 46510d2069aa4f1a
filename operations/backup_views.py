"""Backups: the list, the log of the newest one, and a button that starts one."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe
from lazuli.version import VERSION

from backups import making
from backups.models import OLD, VERY_OLD, Backup
from operations import upgrades
from operations.access import site_admins_only
from studio.htmx import render_page
from studio.pagination import page_of


@require_safe
@site_admins_only
def backups_page(request):
    page = page_of(request, Backup.objects.select_related("created_by"), size=25)
    newest, good = Backup.objects.first(), Backup.objects.last_good()
    context = {
        "page": page,
        "newest": newest,
        "is_live": newest is not None and (newest.is_open or newest.is_being_checked),
        "good": good,
        "level": "bad" if good is None or good.age > VERY_OLD else "amber" if good.age > OLD else "good",
        "folder": settings.BACKUP_DIR,
        "is_beside_data": settings.BACKUP_DIR.is_relative_to(settings.DATA_DIR),
        "hours": settings.BACKUP_HOURS,
        "kept": settings.BACKUP_KEEP,
        "due": making.next_due(Backup.objects.filter(parent=str(settings.BACKUP_DIR)).first()),
        "has_passphrase": bool(settings.BACKUP_PASSPHRASE),
        "version": VERSION,
        "notes": list(upgrades.list_notes()),
    }
    return render_page(request, "operations/backups.html", context, partial="backups")


@require_POST
@site_admins_only
def backup_start(request):
    Backup.queue(request.user)
    messages.success(request, "The backup will start in a moment.")
    return redirect("operations:backups")
