"""Usage and limits, for site admins to view."""

from django.contrib import admin

from costs.models import Approval, Budget, Meter, Quota, Usage
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
    list_display = ["label", *Quota.LIMITS, "is_soft"]
    list_select_related = ["person", "group", "workspace", "subscription"]


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = ["label", "amount", "unit", "spent", *Budget.EFFECTS, "is_used_up"]
    list_select_related = ["person", "group", "workspace", "subscription"]


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = ["work", "by", "at"]
    list_select_related = ["work", "by"]
