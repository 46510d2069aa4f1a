"""The administration's lists of the trash of files, and of links."""

from django.contrib import admin

from notebooks.models import SharedFile, TrashedFile


@admin.register(TrashedFile)
class TrashedFileAdmin(admin.ModelAdmin):
    list_display = ["path", "workspace", "is_folder", "size", "deleted_by", "deleted_at"]
    list_filter = ["is_folder"]
    list_select_related = ["workspace", "deleted_by"]
    search_fields = ["path"]
    raw_id_fields = ["workspace", "deleted_by"]


@admin.register(SharedFile)
class SharedFileAdmin(admin.ModelAdmin):
    list_display = ["path", "workspace", "shared_by", "created_at"]
    list_select_related = ["workspace", "shared_by"]
    search_fields = ["path"]
    raw_id_fields = ["workspace", "shared_by"]
    exclude = ["secret"]
