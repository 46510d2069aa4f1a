"""Purges and retention rules, for site admins."""

from django.contrib import admin

from studio.admin_site import ReadOnlyAdmin
from trash.models import PurgeJob, RetentionAct, RetentionRule


@admin.register(PurgeJob)
class PurgeJobAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["workspace_name", "scope", "state", "done", "total", "files_freed", "created_by", "created_at"]
    list_filter = ["state", "scope"]
    list_select_related = ["created_by"]
    search_fields = ["workspace_name", "error"]


@admin.register(RetentionRule)
class RetentionRuleAdmin(admin.ModelAdmin):
    list_display = ["workspace", "takes", "days", "experiments", "keep_tag", "keep_starred", "is_on", "ran_at", "took"]
    list_filter = ["takes", "is_on"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name", "experiments"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["ran_at", "took", "created_at"]


@admin.register(RetentionAct)
class RetentionActAdmin(ReadOnlyAdmin):
    is_deletable = True
    list_display = ["at", "workspace", "rule", "runs", "files", "bytes"]
    list_select_related = ["workspace"]
    search_fields = ["workspace__name", "rule"]
