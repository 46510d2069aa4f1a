"""Site admins can find, filter and correct all objects of this app."""

from django.contrib import admin

from compute.models import (
    ApplicationSession,
    Assignment,
    AttachedMachine,
    Cluster,
    ComputeInstance,
    ComputeSchedule,
    ComputeTarget,
    Host,
    JoinToken,
    Node,
    Samples,
    ServiceBuild,
    SshAttachment,
    VmSize,
    Work,
)


@admin.register(Host)
class HostAdmin(admin.ModelAdmin):
    list_display = ["name", "cpus", "memory_gb", "address", "heartbeat_at", "is_alive", "isolation_problem"]
    search_fields = ["name", "address"]

    @admin.display(boolean=True)
    def is_alive(self, host):
        return host.is_alive


@admin.register(JoinToken)
class JoinTokenAdmin(admin.ModelAdmin):
    list_display = ["created_by", "created_at", "used_at", "host"]
    list_select_related = ["created_by", "host"]
    readonly_fields = ["digest", "created_at", "used_at", "host"]


@admin.register(AttachedMachine)
class AttachedMachineAdmin(admin.ModelAdmin):
    list_display = ["target", "host", "address", "username"]
    list_select_related = ["target", "host"]
    search_fields = ["address", "target__name"]
    raw_id_fields = ["target", "host", "attachment"]


@admin.register(SshAttachment)
class SshAttachmentAdmin(admin.ModelAdmin):
    list_display = ["address", "username", "workspace", "state", "created_by", "created_at"]
    list_filter = ["state"]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["address", "name"]
    raw_id_fields = ["workspace", "secret", "host", "created_by"]


@admin.register(Samples)
class SamplesAdmin(admin.ModelAdmin):
    list_display = ["begins_at", "seconds", "host", "work", "node"]
    list_filter = ["seconds", "host"]
    list_select_related = ["host", "work", "node"]
    raw_id_fields = ["work", "node"]


@admin.register(ComputeTarget)
class ComputeTargetAdmin(admin.ModelAdmin):
    list_display = [
        "name",
        "workspace",
        "kind",
        "state",
        "vm_size",
        "created_at",
        "deleted_at",
    ]
    list_filter = ["state", "kind", ("deleted_at", admin.EmptyFieldListFilter), "vm_size"]
    list_select_related = ["workspace"]
    search_fields = ["name", "workspace__name"]
    raw_id_fields = ["workspace", "created_by"]
    readonly_fields = ["created_at"]


@admin.register(Node)
class NodeAdmin(admin.ModelAdmin):
    list_display = ["name", "target", "host", "state", "pid", "heartbeat_at", "created_at", "ended_at"]
    list_filter = ["state", ("ended_at", admin.EmptyFieldListFilter), "host"]
    list_select_related = ["target", "host"]
    search_fields = ["name", "target__name", "message"]
    raw_id_fields = ["target", "host"]
    readonly_fields = ["created_at"]


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin):
    list_display = ["target", "vm_priority", "min_nodes", "max_nodes", "idle_seconds"]
    list_filter = ["vm_priority"]
    list_select_related = ["target"]
    search_fields = ["target__name"]
    raw_id_fields = ["target"]


@admin.register(Assignment)
class AssignmentAdmin(admin.ModelAdmin):
    list_display = ["work", "node", "attempt", "rank", "cores", "memory_gb", "gpus", "health", "claimed_at", "ended_at"]
    list_filter = ["health", ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["work", "node"]
    search_fields = ["work__scope", "node__name"]
    raw_id_fields = ["work", "node"]


@admin.register(ServiceBuild)
class ServiceBuildAdmin(admin.ModelAdmin):
    list_display = ["title", "attempt", "node_name", "started_at", "ended_at"]
    search_fields = ["title", "node_name"]
    raw_id_fields = ["work"]


@admin.register(Work)
class WorkAdmin(admin.ModelAdmin):
    list_display = ["scope", "target", "state", "life", "priority", "attempt", "submitted_by", "queued_at", "ended_at"]
    list_filter = ["state", "life", "priority"]
    list_select_related = ["target", "submitted_by"]
    search_fields = ["scope", "target__name", "reason"]
    raw_id_fields = ["target", "submitted_by"]
    date_hierarchy = "queued_at"


@admin.register(VmSize)
class VmSizeAdmin(admin.ModelAdmin):
    list_display = ["name", "category", "vcpus", "memory_gb", "gpus", "hourly_price", "is_offered", "follows_machines"]
    list_editable = ["vcpus", "memory_gb", "gpus", "hourly_price", "is_offered"]
    list_filter = ["category", "is_offered"]
    search_fields = ["name", "family"]

    def save_model(self, request, obj, form, change):
        if {"vcpus", "memory_gb", "gpus"} & set(form.changed_data):
            # What an administrator has set stays.
            obj.follows_machines = False
        super().save_model(request, obj, form, change)


@admin.register(ComputeInstance)
class ComputeInstanceAdmin(admin.ModelAdmin):
    list_display = ["target", "assigned_to", "state", "label", "idle_minutes", "active_at"]
    list_select_related = ["target", "assigned_to", "work"]
    search_fields = ["target__name", "assigned_to__username"]
    raw_id_fields = ["target", "assigned_to", "work", "token"]


@admin.register(ComputeSchedule)
class ComputeScheduleAdmin(admin.ModelAdmin):
    list_display = ["instance", "action", "expression", "zone", "next_at", "last_at", "last_result"]
    list_select_related = ["instance__target"]
    search_fields = ["instance__target__name"]
    raw_id_fields = ["instance"]


@admin.register(ApplicationSession)
class ApplicationSessionAdmin(admin.ModelAdmin):
    list_display = ["user", "instance", "created_at"]
    list_select_related = ["user", "instance__target"]
    search_fields = ["user__username"]
    raw_id_fields = ["user", "instance"]
    exclude = ["session", "ticket", "cookie"]
