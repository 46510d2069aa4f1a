"""Labeling projects, for site admins."""

from django.contrib import admin

from labeling.models import LabelAnswer, LabelingItem, LabelingProject


@admin.register(LabelingProject)
class LabelingProjectAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "kind", "labelers_per_item", "created_by", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name"]
    raw_id_fields = ["workspace", "version", "created_by"]


@admin.register(LabelingItem)
class LabelingItemAdmin(admin.ModelAdmin):
    list_display = ["project", "number", "state", "label", "confidence", "answer_count"]
    list_filter = ["state"]
    list_select_related = ["project"]
    search_fields = ["project__name", "path"]
    raw_id_fields = ["project", "decided_by"]


@admin.register(LabelAnswer)
class LabelAnswerAdmin(admin.ModelAdmin):
    list_display = ["item", "person", "label", "created_at"]
    list_select_related = ["item__project", "person"]
    search_fields = ["item__project__name", "label"]
    raw_id_fields = ["item", "person"]
