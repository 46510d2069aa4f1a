"""Pages of notifications: the bell with its list, preferences, and following a job."""

from django.conf import settings
from django.contrib import messages
from django.forms import model_to_dict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.view_as import hidden_in_view_as
from notices import outgoing, rules
from notices.forms import DeliveryTimesForm, WebhookForm, read_choices
from notices.models import CHOSEN, OF_ADMINS, Delivery, DeliveryTimes, Event, Follow, Notification, Preference, Webhook
from notices.rules import Channel
from runs.pages.access import find_run, return_url
from studio import numbers
from studio.errors import Conflict
from studio.forms import attempt
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.repeated_polls import nothing_new
from studio.signed_posts import SIGNATURE
from studio.time_zones import list_zones

# Deliveries on the page of the preferences.
SHOWN = 20


@require_safe
@accept_parameters()
def notification_list(request):
    page = page_of(request, Notification.objects.on_bell_of(request.user))
    return render(request, "notices/list.html", {"page": page, "unread": _count_unread(request)})


def _count_unread(request) -> int:
    return Notification.objects.count_unread(request.user)


@require_safe
def bell(request):
    """The bell of the header, for its polls, whose `seen` is the number that is shown."""
    unread = _count_unread(request)
    if request.GET.get("seen") == str(unread):
        return nothing_new()
    return render(request, "notices/_bell.html", {"unread": unread})


@require_POST
def mark_read(request):
    """Mark all notifications as read, or `notification`, and open its page."""
    key = request.POST.get("notification", "")
    if not key:
        Notification.objects.mark_read(request.user)
        return redirect("notices:list")
    one = Notification.objects.filter(pk=numbers.int_or_none(key), person=request.user)
    one.mark_read(request.user)
    path = one.values_list("path", flat=True).first()
    return redirect(path or "notices:list")


@hidden_in_view_as
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request):
    if request.method == "POST":
        Preference.store_choices(request.user, read_choices(request.POST))
        messages.success(request, "Saved.")
        return redirect("notices:preferences")
    return _preferences_page(request)


def _preferences_page(request, **more):
    chosen = Preference.all_of(request.user)
    rows = [
        {"label": event.label, "boxes": [(f"{event}:{channel}", (event, channel) in chosen) for channel in Channel]}
        for event in CHOSEN
        if event not in OF_ADMINS or request.user.is_superuser
    ]
    hook = Webhook.objects.filter(person=request.user).first()
    context = {
        "rows": rows,
        "channels": Channel,
        "hook": hook,
        "form": WebhookForm(initial={"url": hook.url, "format": hook.format} if hook else {}),
        "deliveries": Delivery.objects.of(request.user)[:SHOWN],
        "zones": list_zones(),
        "times_form": DeliveryTimesForm(initial=model_to_dict(DeliveryTimes.of(request.user))),
        "has_mail": bool(settings.EMAIL_HOST),
        "signature": SIGNATURE,
        **more,
    }
    is_refused = context["form"].errors or context["times_form"].errors
    return render(request, "notices/preferences.html", context, status=400 if is_refused else 200)


@require_POST
def webhook(request):
    form = WebhookForm(request.POST)
    if form.is_valid():
        attempt(form, lambda: form.save(request.user))
    if form.errors:
        return _preferences_page(request, form=form)
    messages.success(request, "The webhook is saved.")
    return redirect("notices:preferences")


@require_POST
def delivery_times(request):
    form = DeliveryTimesForm(request.POST)
    if not attempt(form, lambda: form.save(request.user)):
        return _preferences_page(request, times_form=form)
    messages.success(request, "The times are saved.")
    return redirect("notices:preferences")


@require_POST
def send_test(request):
    """Send a test notification by one channel, and show the other side's answer."""
    channel = rules.CHANNEL.check(request.POST.get("channel", ""))
    count = Notification.objects.filter(person=request.user, event=Event.TEST).count()
    made = Notification.objects.create(
        person=request.user,
        event=Event.TEST,
        cause=f"test:{request.id}",
        title=f"Test {count + 1} of your notifications",
        path="/notifications/",
        on_bell=channel == Channel.BELL,
    )
    Notification.objects.store_unread(request.user)
    if channel != Channel.BELL:
        delivery = Delivery.objects.create(notification=made, channel=channel)
        outgoing.deliver(delivery)
        delivery.refresh_from_db()
        if delivery.state != Delivery.State.SENT:
            delivery.delete()
            raise Conflict(f"The test did not arrive. {delivery.answer}")
        messages.success(request, f"The test has arrived. {delivery.answer}")
    return redirect("notices:list" if channel == Channel.BELL else "notices:preferences")


@require_POST
def delivery_again(request, pk):
    """Send one of the person's notifications again."""
    get_object_or_404(Delivery.objects.of(request.user), pk=pk).send_again()
    messages.success(request, "It will be sent again in a moment.")
    return redirect("notices:preferences")


@require_POST
def follow(request, slug, run_id):
    """Follow a job, or stop with `stop`."""
    run = find_run(request, slug, run_id)
    if "stop" in request.POST:
        Follow.objects.filter(person=request.user, run=run).delete()
        messages.success(request, f"You will not be notified of {run.display_name}.")
    elif not run.is_active:
        raise Conflict(f"{run.display_name} has ended already.")
    else:
        Follow.objects.get_or_create(person=request.user, run=run)
        messages.success(request, f"You will be notified when {run.display_name} ends.")
    return redirect(return_url(request, slug, run.get_absolute_url()))
