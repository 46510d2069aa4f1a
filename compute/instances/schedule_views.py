"""The schedules on the page of a compute instance."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from compute.instances import schedules
from compute.instances.forms import ScheduleChangeForm, ScheduleForm
from compute.instances.views import detail_context, find_page_instance
from studio.forms import attempt, cleaned_or_invalid

DONE = {"enable": "is enabled.", "disable": "is disabled.", "delete": "was deleted."}


@require_POST
def schedule_change(request, slug, name):
    """Add a schedule, or enable, disable or delete one, depending on the button's `act`."""
    instance = find_page_instance(request, slug, name, "edit_compute")
    given = cleaned_or_invalid(ScheduleChangeForm(request.POST))
    if given["act"] == "add":
        return _add_schedule(request, instance)
    schedule = instance.schedules.filter(pk=given["schedule"]).first()
    if schedule is None:
        raise Http404(f"The compute instance {instance} no longer has this schedule.")
    schedule.instance = instance
    schedules.change_schedule(schedule, given["act"])
    messages.success(request, f"The schedule {schedule} {DONE[given['act']]}")
    return redirect(instance)


def _add_schedule(request, instance):
    form = ScheduleForm(request.POST)

    def add() -> bool:
        schedules.add_schedules(instance, [form.make_schedule()])
        return True

    if attempt(form, add):
        messages.success(request, f"The schedule was added to {instance}.")
        return redirect(instance)
    return render(request, "compute/instances/instance_detail.html", detail_context(request, instance, form))
