"""What was counted, and limits, for site admins to look at."""

from django.contrib import admin

from costs.models import Budget, Meter, Quota, Usage


class CountedAdmin(admin.ModelAdmin):
    """Only the meters and verbs write these rows."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Usage)
class UsageAdmin(CountedAdmin):
    list_display = ["day", "kind", "workspace", "compute", "node", "work_scope", "person", "seconds", "cost"]
    list_filter = ["kind", "day"]
    search_fields = ["workspace", "compute", "node", "work_scope", "person"]
    show_full_result_count = False


@admin.register(Meter)
class MeterAdmin(CountedAdmin):
    list_display = ["counted_until"]


@admin.register(Quota)
class QuotaAdmin(CountedAdmin):
    list_display = ["label", "cores", "nodes", "running_jobs", "storage_gb"]
    list_select_related = ["person", "workspace", "subscription"]


@admin.register(Budget)
class BudgetAdmin(CountedAdmin):
    list_display = ["label", "amount", "unit", "spent", "blocks_new_work", "stops_idle_nodes", "is_used_up"]
    list_select_related = ["person", "workspace", "subscription"]
