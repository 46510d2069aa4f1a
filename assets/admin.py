"""Environments, datastores and data, for site admins. The content of a version cannot be changed here either."""

from django.contrib import admin

from assets.models import (
    DataAsset,
    DataManifest,
    Datastore,
    DataVersion,
    DataWork,
    Environment,
    EnvironmentRebuild,
    EnvironmentVersion,
)


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


@admin.register(Datastore)
class DatastoreAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "kind", "is_default", "created_by", "created_at"]
    list_filter = ["kind", "workspace"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "workspace__name"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["kind", "settings", "credentials", "is_default", "created_at"]
    date_hierarchy = "created_at"


@admin.register(DataAsset)
class DataAssetAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "last_number", "archived_at", "created_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name"]
    raw_id_fields = ["workspace"]
    readonly_fields = ["last_number", "created_at"]
    date_hierarchy = "created_at"


@admin.register(DataVersion)
class DataVersionAdmin(admin.ModelAdmin):
    list_display = ["__str__", "workspace", "kind", "created_by", "created_at"]
    list_filter = ["kind", "workspace"]
    list_select_related = ["workspace", "asset", "created_by"]
    search_fields = ["asset__name", "dataset_id", "digest"]
    raw_id_fields = ["workspace", "asset", "created_by"]
    readonly_fields = ["dataset_id", "kind", "definition", "digest", "created_at"]
    date_hierarchy = "created_at"


@admin.register(DataManifest)
class DataManifestAdmin(admin.ModelAdmin):
    list_display = ["version", "file_count", "size", "is_hashed", "created_at"]
    list_select_related = ["version__asset"]
    search_fields = ["version__asset__name", "digest"]
    raw_id_fields = ["version"]
    readonly_fields = ["digest", "file_count", "size", "is_hashed", "created_at"]
    date_hierarchy = "created_at"


@admin.register(DataWork)
class DataWorkAdmin(admin.ModelAdmin):
    list_display = ["version", "kind", "state", "progress", "created_by", "created_at", "ended_at"]
    list_filter = ["kind", "state"]
    list_select_related = ["version__asset", "created_by"]
    search_fields = ["version__asset__name"]
    raw_id_fields = ["version", "created_by"]
    readonly_fields = ["result", "manifest_digest", "created_at"]
    date_hierarchy = "created_at"
