"""Usage and limits, for site admins to view."""

from django.contrib import admin

from costs.models import Budget, Meter, Quota, Usage
from studio.admin_site import ReadOnlyAdmin


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    list_display = ["day", "kind", "workspace", "compute", "node", "work_scope", "person", "seconds", "cost"]
    list_filter = ["kind", "day"]
    search_fields = ["workspace", "compute", "node", "work_scope", "person"]
    show_full_result_count = False


@admin.register(Meter)
class MeterAdmin(ReadOnlyAdmin):
    list_display = ["counted_until"]


@admin.register(Quota)
class QuotaAdmin(ReadOnlyAdmin):
    list_display = ["label", "cores", "nodes", "running_jobs", "storage_gb"]
    list_select_related = ["person", "workspace", "subscription"]


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = ["label", "amount", "unit", "spent", "blocks_new_work", "stops_idle_nodes", "is_used_up"]
    list_select_related = ["person", "workspace", "subscription"]
