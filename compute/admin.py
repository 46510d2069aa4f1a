"""Site admins can find, filter and correct all objects of this app."""

from django.contrib import admin

from compute.models import ComputeTarget, Host, Node, Work


@admin.register(Host)
class HostAdmin(admin.ModelAdmin):
    list_display = ["name", "cpus", "memory_gb", "address", "heartbeat_at", "is_alive", "isolation_problem"]
    search_fields = ["name", "address"]

    @admin.display(boolean=True)
    def is_alive(self, host):
        return host.is_alive


@admin.register(ComputeTarget)
class ComputeTargetAdmin(admin.ModelAdmin):
    list_display = [
        "name",
        "workspace",
        "kind",
        "state",
        "vm_size",
        "min_nodes",
        "max_nodes",
        "created_at",
        "deleted_at",
    ]
    list_filter = ["state", "kind", "vm_priority", ("deleted_at", admin.EmptyFieldListFilter), "vm_size"]
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


@admin.register(Work)
class WorkAdmin(admin.ModelAdmin):
    list_display = ["scope", "target", "state", "priority", "attempt", "node", "submitted_by", "queued_at", "ended_at"]
    list_filter = ["state", "priority"]
    list_select_related = ["target", "node", "submitted_by"]
    search_fields = ["scope", "target__name", "reason"]
    raw_id_fields = ["target", "node", "submitted_by"]
    date_hierarchy = "queued_at"
