"""Quotas and budgets: the lists, and a form to set one."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from compute.models import VmSize, Work
from costs import budgets
from costs.limit_forms import BudgetForm, QuotaForm
from costs.limit_models import Budget, Quota
from operations.access import site_admins_only
from studio.forms import attempt

SCOPES = ("person", "group", "workspace__resource_group__subscription", "subscription")
# Jobs that wait for an approval and are shown.
MAX_UNAPPROVED = 100


@require_http_methods(["GET", "HEAD", "POST"])
@site_admins_only
@process_once
def limits_page(request):
    """A POST sets the quota or budget of `?set=`."""
    wanted = request.GET.get("set") if request.method == "POST" else ""
    quota_form = QuotaForm(request.POST if wanted == "quota" else None, prefix="quota")
    budget_form = BudgetForm(request.POST if wanted == "budget" else None, prefix="budget")
    if wanted == "quota":
        made = attempt(quota_form, lambda: Quota.set(quota_form.scope, **quota_form.limits))
    else:
        made = wanted == "budget" and attempt(budget_form, lambda: _set_budget(budget_form))
    if made:
        messages.success(request, f"The {made} is set.")
        return redirect("operations:limits")
    context = {
        "quota_form": quota_form,
        "budget_form": budget_form,
        "quotas": Quota.objects.select_related(*SCOPES).order_by("pk"),
        "sizes": VmSize.objects.all(),
        "unapproved": budgets.list_unapproved()[:MAX_UNAPPROVED],
        "budgets": Budget.objects.select_related(*SCOPES).order_by("pk"),
    }
    return render(request, "operations/limits.html", context, status=400 if wanted else 200)


def _set_budget(form: BudgetForm) -> Budget:
    given = form.cleaned_data
    return Budget.set(form.scope, given["amount"], given["unit"], **{name: given[name] for name in Budget.EFFECTS})


@require_POST
@site_admins_only
def work_approve(request, pk):
    work = get_object_or_404(Work.objects.select_related("target__workspace"), pk=pk)
    budgets.approve_work(actor_of_request(request), work)
    messages.success(request, f"{work.title} may start.")
    return redirect("operations:limits")


@require_POST
@site_admins_only
def quota_delete(request, pk):
    quota = get_object_or_404(Quota.objects.select_related(*SCOPES), pk=pk)
    quota.remove()
    messages.success(request, f"The {quota} is removed.")
    return redirect("operations:limits")


@require_POST
@site_admins_only
def budget_delete(request, pk):
    budget = get_object_or_404(Budget.objects.select_related(*SCOPES), pk=pk)
    budget.remove()
    messages.success(request, f"The {budget} is removed.")
    return redirect("operations:limits")
