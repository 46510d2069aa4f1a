"""Registered and logged models, for site admins. The content of a version cannot be changed here either."""

from django.contrib import admin

from registry.models import (
    LoggedModel,
    Model,
    ModelFile,
    ModelStar,
    ModelVersion,
    PromotionRequest,
    PromotionRule,
    RunModel,
    VersionDataset,
    WorkspaceFile,
)


@admin.register(Model)
class ModelAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "version_count", "created_by", "updated_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name", "description"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["version_count", "created_at"]


@admin.register(ModelVersion)
class ModelVersionAdmin(admin.ModelAdmin):
    list_display = ["model", "number", "stage", "source_run_id", "created_by", "created_at"]
    list_filter = ["stage", "model__workspace"]
    list_select_related = ["model", "created_by"]
    search_fields = ["model__name", "source_run_id", "source"]
    raw_id_fields = ["model", "created_by"]
    readonly_fields = ["number", "source", "source_run_id", "run", "logged_model", "created_at"]


@admin.register(VersionDataset)
class VersionDatasetAdmin(admin.ModelAdmin):
    list_display = ["dataset_id", "version"]
    list_select_related = ["version__model"]
    search_fields = ["dataset_id"]
    raw_id_fields = ["version"]


@admin.register(LoggedModel)
class LoggedModelAdmin(admin.ModelAdmin):
    list_display = ["name", "model_id", "workspace", "status", "source_run_id", "created_at"]
    list_filter = ["status", "workspace"]
    list_select_related = ["workspace"]
    search_fields = ["name", "model_id", "source_run_id"]
    raw_id_fields = ["workspace"]
    readonly_fields = ["model_id", "experiment", "experiment_uuid", "run", "source_run_id", "metrics", "created_at"]


@admin.register(ModelFile)
class ModelFileAdmin(admin.ModelAdmin):
    list_display = ["path", "model", "size", "created_at"]
    list_select_related = ["model"]
    search_fields = ["path", "model__model_id", "model__name"]
    raw_id_fields = ["model"]
    readonly_fields = ["size", "key", "created_at"]


@admin.register(RunModel)
class RunModelAdmin(admin.ModelAdmin):
    list_display = ["model_id", "run", "made", "step"]
    list_filter = ["made"]
    list_select_related = ["run"]
    search_fields = ["model_id", "run__run_id"]
    raw_id_fields = ["run", "logged_model"]


@admin.register(WorkspaceFile)
class WorkspaceFileAdmin(admin.ModelAdmin):
    list_display = ["path", "workspace", "size", "made_by_run", "created_at"]
    list_filter = ["workspace"]
    list_select_related = ["workspace"]
    search_fields = ["path", "made_by_run"]
    raw_id_fields = ["workspace"]
    readonly_fields = ["size", "key", "created_at"]


@admin.register(PromotionRule)
class PromotionRuleAdmin(admin.ModelAdmin):
    list_display = ["name", "kind", "model_name", "role", "workspace"]
    list_filter = ["kind", "workspace"]
    list_select_related = ["workspace"]
    search_fields = ["name", "model_name"]
    raw_id_fields = ["workspace"]


@admin.register(PromotionRequest)
class PromotionRequestAdmin(admin.ModelAdmin):
    list_display = ["version", "kind", "name", "state", "created_by", "decided_by"]
    list_filter = ["kind", "state"]
    list_select_related = ["version__model", "created_by", "decided_by"]
    search_fields = ["name", "version__model__name"]
    raw_id_fields = ["version", "created_by", "decided_by"]


@admin.register(ModelStar)
class ModelStarAdmin(admin.ModelAdmin):
    list_display = ["model", "user"]
    list_select_related = ["model", "user"]
    search_fields = ["model__name", "user__username"]
    raw_id_fields = ["model", "user"]
