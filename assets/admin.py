"""Environments, for site admins. The content of a version cannot be changed here either."""

from django.contrib import admin

from assets.models import Environment, EnvironmentRebuild, EnvironmentVersion


@admin.register(Environment)
class EnvironmentAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "created_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name"]
    raw_id_fields = ["workspace"]
    readonly_fields = ["created_at"]
    date_hierarchy = "created_at"


@admin.register(EnvironmentVersion)
class EnvironmentVersionAdmin(admin.ModelAdmin):
    list_display = ["environment", "version", "number", "created_by", "created_at"]
    list_filter = ["environment__workspace"]
    list_select_related = ["environment", "created_by"]
    search_fields = ["environment__name", "version", "digest"]
    raw_id_fields = ["environment", "created_by"]
    readonly_fields = ["definition", "digest", "created_at"]
    date_hierarchy = "created_at"


@admin.register(EnvironmentRebuild)
class EnvironmentRebuildAdmin(admin.ModelAdmin):
    list_display = ["name", "version", "number", "workspace", "ordered_by", "ordered_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace", "ordered_by"]
    search_fields = ["name", "workspace__name"]
    raw_id_fields = ["workspace", "ordered_by"]
    readonly_fields = ["ordered_at"]
    date_hierarchy = "ordered_at"
