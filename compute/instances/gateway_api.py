"""Routes for the gateway: redeem a ticket, and check whether a cookie still gives access to an instance."""

from django.http import HttpRequest
from ninja import Router
from ninja.security import HttpBearer

from accounts.actors import Actor
from compute import keys
from compute.models import ApplicationSession, ComputeInstance
from studio.errors import Conflict, Denied, Unauthenticated
from studio.request_body import Body
from studio.schemas import Shape
from workspaces.access import can


class GatewayKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.is_gateway_key(token)


class Ticket(Body):
    label: str
    ticket: str


class Entered(Shape):
    cookie: str
    path: str


class Visit(Body):
    label: str
    cookie: str


class Admission(Shape):
    address: str
    token: str


class HostKeyGiven(Body):
    key: str


router = Router(tags=["nodes"])


@router.post("/enter", auth=GatewayKey(), response=Entered, summary="Redeem a ticket, once")
def gateway_enter(request: HttpRequest, body: Ticket):
    found = ApplicationSession.redeem(body.label, body.ticket)
    if found is None:
        raise Denied("The ticket has already been used, or is too old.")
    return Entered(cookie=found[0], path=found[1])


@router.post(
    "/authorize", auth=GatewayKey(), response=Admission, summary="Check whether a cookie gives access to an application"
)
def gateway_authorize(request: HttpRequest, body: Visit):
    session = ApplicationSession.find(body.label, body.cookie)
    if session is None:
        raise Unauthenticated("You are not signed in here. Open the application from the studio.")
    instance = ComputeInstance.objects.present().with_state().get(pk=session.instance_id)
    check_person(session.user, instance)
    if not instance.is_reachable:
        raise Conflict(f"The compute instance {instance} is {instance.state.lower()}. Start it in the studio.")
    return Admission(address=instance.address, token=instance.server_token)


@router.post("/host", auth=GatewayKey(), response=Admission, summary="Check the key of another machine")
def gateway_host(request: HttpRequest, body: HostKeyGiven):
    """The address is its uid."""
    host = keys.host_by_key(body.key)
    if host is None or not host.has_joined:
        raise Unauthenticated("No machine that has joined has this key.")
    return Admission(address=str(host.uid), token="")


def check_person(user, instance: ComputeInstance) -> None:
    """Raise Denied unless the instance is the user's own and the user may still use compute there."""
    if instance.assigned_to_id != user.pk or not can(Actor(user), "use_compute", instance.target.workspace):
        raise Denied(f"Only the user of the compute instance {instance} can open its applications.")
