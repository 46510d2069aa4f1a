"""The administration's lists of endpoints, their revisions and replicas, their traffic and recorded requests."""

from django.contrib import admin

from endpoints.models import (
    CollectedRows,
    Endpoint,
    EndpointAlert,
    Replay,
    Replica,
    Revision,
    ServiceRequest,
    TrafficGuard,
    TrafficMinute,
)


@admin.register(Endpoint)
class EndpointAdmin(admin.ModelAdmin):
    list_display = ["name", "workspace", "auth_enabled", "created_by", "created_at"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["name"]
    raw_id_fields = ["workspace", "created_by", "current", "newest"]
    exclude = ["primary_key", "secondary_key", "primary_digest", "secondary_digest"]


@admin.register(Revision)
class RevisionAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "number", "stage", "environment_name", "created_by", "created_at"]
    list_filter = ["stage"]
    list_select_related = ["endpoint", "created_by"]
    search_fields = ["endpoint__name"]
    raw_id_fields = ["endpoint", "model_versions", "target", "created_by"]


@admin.register(Replica)
class ReplicaAdmin(admin.ModelAdmin):
    list_display = ["revision", "number", "work", "ready_attempt"]
    list_select_related = ["revision__endpoint", "work"]
    search_fields = ["revision__endpoint__name"]
    raw_id_fields = ["revision", "work"]


@admin.register(TrafficMinute)
class TrafficMinuteAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "minute", "requests", "failures", "replicas"]
    list_select_related = ["endpoint"]
    search_fields = ["endpoint__name"]
    raw_id_fields = ["endpoint"]


@admin.register(ServiceRequest)
class ServiceRequestAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "at", "method", "path", "status", "milliseconds", "request_id"]
    list_select_related = ["endpoint"]
    search_fields = ["endpoint__name", "request_id"]
    raw_id_fields = ["endpoint"]


@admin.register(EndpointAlert)
class EndpointAlertAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "kind", "limit", "raised_at"]
    list_select_related = ["endpoint"]
    search_fields = ["endpoint__name"]
    raw_id_fields = ["endpoint"]


@admin.register(TrafficGuard)
class TrafficGuardAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "failures", "p95", "requests", "since"]
    list_select_related = ["endpoint"]
    search_fields = ["endpoint__name"]
    raw_id_fields = ["endpoint"]


@admin.register(Replay)
class ReplayAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "candidate_name", "state", "created_by", "created_at"]
    list_select_related = ["endpoint", "created_by"]
    search_fields = ["endpoint__name", "candidate_name"]
    raw_id_fields = ["endpoint", "candidate", "created_by"]


@admin.register(CollectedRows)
class CollectedRowsAdmin(admin.ModelAdmin):
    list_display = ["endpoint", "at", "model", "version", "designation", "is_stored"]
    list_select_related = ["endpoint"]
    search_fields = ["endpoint__name", "model"]
    raw_id_fields = ["endpoint"]
