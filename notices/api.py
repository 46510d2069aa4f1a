"""A person's own notifications over REST: the list, the channels of each event, the webhook."""

from django.http import Http404, HttpRequest
from ninja import Router

from accounts.actors import Actor
from notices import resources
from notices.models import CHOSEN, Event, Notification, Preference, Webhook
from studio import api
from studio.errors import Denied
from studio.schemas import list_of

router = Router(tags=["notifications"])


def _open_own(actor: Actor, *, writes: bool = False) -> Actor:
    """Notifications are of all workspaces, and a webhook receives them."""
    if actor.only_workspace is not None:
        raise Denied("This token is valid for one workspace only, and notifications are of all workspaces.")
    if writes and actor.scope == "read":
        raise Denied("This token can only read.")
    return actor


@router.get(
    "/notifications", response=list_of(resources.NotificationResource), summary="List your notifications, newest first"
)
def notification_list(request: HttpRequest):
    rows = Notification.objects.on_bell_of(_open_own(request.auth).user)
    return api.paginate(request, rows, resources.NotificationResource)


@router.get(
    "/preferences", response=list_of(resources.PreferenceResource), summary="List the events and their chosen channels"
)
def preference_list(request: HttpRequest):
    chosen = Preference.all_of(_open_own(request.auth).user)
    value = [resources.PreferenceResource.of(event, chosen) for event in CHOSEN]
    return list_of(resources.PreferenceResource)(value=value, nextLink="")


@router.put("/preferences/{event}", response=resources.PreferenceResource, summary="Choose the channels of an event")
def preference_put(request: HttpRequest, event: str, body: resources.PreferenceUpdate):
    person = _open_own(request.auth, writes=True).user
    if event not in CHOSEN:
        raise Http404(f"There is no event {event[:40]!r}: write one of {', '.join(CHOSEN)}.")
    Preference.store_channels(person, event, set(body.channels))
    return resources.PreferenceResource.of(Event(event), Preference.all_of(person))


@router.get("/webhook", response=resources.WebhookResource, summary="Get your webhook and its secret")
def webhook_read(request: HttpRequest):
    person = _open_own(request.auth, writes=True).user
    return resources.WebhookResource.of(Webhook.objects.filter(person=person).first())


@router.put("/webhook", response=resources.WebhookResource, summary="Set or delete your webhook")
def webhook_put(request: HttpRequest, body: resources.WebhookUpdate):
    return resources.WebhookResource.of(Webhook.put(_open_own(request.auth, writes=True).user, body.url, body.format))
