"""Records of the administration, for site admins to view."""

from django.contrib import admin

from backups.models import Backup
from operations.models import Announcement, JobRecord, RequestRecord
from studio.admin_site import ReadOnlyAdmin


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyAdmin):
    list_display = ["text", "level", "starts_at", "ends_at", "created_by"]
    list_select_related = ["created_by"]
    search_fields = ["text"]


@admin.register(RequestRecord)
class RequestRecordAdmin(ReadOnlyAdmin):
    list_display = ["at", "method", "path", "status", "seconds", "person", "error"]
    search_fields = ["request_id", "path", "person", "error"]


@admin.register(JobRecord)
class JobRecordAdmin(ReadOnlyAdmin):
    list_display = ["name", "ended_at", "seconds", "error"]


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "started_at", "files", "bytes", "checked_at", "check_error"]
    search_fields = ["name", "error"]
