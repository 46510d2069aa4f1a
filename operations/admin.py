"""What the administration notes, for site admins to look at."""

from django.contrib import admin

from operations.models import Announcement, JobRecord, RequestRecord


class NotedAdmin(admin.ModelAdmin):
    """Verbs and middleware alone write these rows."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Announcement)
class AnnouncementAdmin(NotedAdmin):
    list_display = ["text", "level", "starts_at", "ends_at", "created_by"]
    list_select_related = ["created_by"]
    search_fields = ["text"]


@admin.register(RequestRecord)
class RequestRecordAdmin(NotedAdmin):
    list_display = ["at", "method", "path", "status", "seconds", "person", "error"]
    search_fields = ["request_id", "path", "person", "error"]


@admin.register(JobRecord)
class JobRecordAdmin(NotedAdmin):
    list_display = ["name", "ended_at", "seconds", "error"]
