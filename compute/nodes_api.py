"""What nodes and hosts ask: doors for their own keys only, never for people's tokens."""

from typing import Annotated

import pydantic
from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from lazuli.agent.broker import get_cluster_queue
from ninja import Router, Status
from ninja.security import HttpBearer

from accounts.actors import Actor
from compute import keys, notifications, queue, schemas
from compute.models import Host, Node, Work
from studio.errors import Conflict
from studio.request_body import Body
from studio.schemas import Nothing, documented
from workspaces import access

EXPECTED_EXITS = (0, -15)


class NodeKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.node_by_key(token)


class HostKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.host_by_key(token)


router = Router(tags=["nodes"])


# What the column of a database can hold.
Pid = Annotated[int, pydantic.Field(ge=0, lt=2**31)]


class Heartbeat(Body):
    state: str = "idle"
    pid: Pid | None = None
    work: list[str] = []


class Done(Body):
    attempt: int
    # What the runner said last if it failed itself; empty when all went well.
    message: str = ""


class NodeReport(Body):
    name: str
    pid: Pid | None = None
    alive: bool
    exit: int | None = None


class HostReport(Body):
    cpus: int = pydantic.Field(default=1, ge=1, le=10_000)
    memoryGB: float = pydantic.Field(default=1, gt=0, le=1_000_000)
    address: str = pydantic.Field(default="", max_length=100)
    nodes: list[NodeReport] = []


@router.post(
    "/heartbeat",
    auth=NodeKey(),
    response=documented(schemas.NodeOrders),
    summary="A node is alive; the answer says whether to look or to leave",
)
def node_heartbeat(request: HttpRequest, body: Heartbeat):
    node = request.auth
    Node.objects.filter(pk=node.pk).update(heartbeat_at=timezone.now(), pid=body.pid)
    is_free = not body.work and not node.work.held().exists()
    if is_free and node.state in (Node.State.PREPARING, Node.State.RUNNING):
        node.become_idle()
    waiting = not body.work and Work.objects.claimable_by(node).exists()
    return JsonResponse({"waiting": waiting, "leaving": not node.is_wanted})


@router.post(
    "/claim",
    auth=NodeKey(),
    response={200: documented(schemas.ClaimedWork), 204: None},
    summary="Take the next work of the cluster",
)
def node_claim(request: HttpRequest):
    node = request.auth
    work = queue.claim_work(node)
    if work is None or _give_up_if_forbidden(work, node):
        return Status(204, None)
    spec = work.spec | {"node": node.name}
    taken = {"id": str(work.pk), "attempt": work.attempt, "scope": work.scope, "token": work.make_token(), "spec": spec}
    return JsonResponse(taken)


def _give_up_if_forbidden(work: Work, node: Node) -> bool:
    """Work of a person who may no longer submit here is lost: its token would be refused."""
    submitter = work.submitted_by
    if submitter.is_active and access.can(Actor(submitter), "submit", work.target.workspace):
        return False
    work.mark_lost(f"{submitter.label}, who submitted this job, may no longer submit jobs in {work.target.workspace}.")
    node.become_idle()
    return True


@router.post(
    "/work/{uuid:work_id}/done", auth=NodeKey(), response=documented(Nothing), summary="The runner's process has ended"
)
def node_work_done(request: HttpRequest, work_id, body: Done):
    mine = Work.objects.filter(pk=work_id, node=request.auth, attempt=body.attempt)
    if not mine.exists():
        raise Conflict("Another attempt holds this work, or another node does.", code="stale_attempt")
    # Work that is no longer held was lost or ended before: nothing is left to be done.
    queue.finish_work(work_id, body.attempt, body.message)
    request.auth.become_idle()
    return {}


@router.get("/host", auth=HostKey(), response=documented(schemas.HostOrders), summary="Which nodes this host shall run")
def host_read(request: HttpRequest):
    return _orders(request.auth)


@router.post(
    "/host",
    auth=HostKey(),
    response=documented(schemas.HostOrders),
    summary="Report the nodes of this host; the answer is which nodes it shall run",
)
def host_report(request: HttpRequest, body: HostReport):
    host = request.auth
    Host.objects.filter(pk=host.pk).update(
        cpus=body.cpus, memory_gb=body.memoryGB, address=body.address, heartbeat_at=timezone.now()
    )
    ended = {report.name: report for report in body.nodes if not report.alive}
    for node in host.nodes.present().filter(name__in=ended).select_related("target"):
        _end_node(node, ended[node.name].exit)
    return _orders(host)


def _end_node(node: Node, status: int | None) -> None:
    """A node's process has ended: in peace when told to, in peace when it will be started again, or by an accident."""
    if not node.is_wanted:
        if node.state == Node.State.LEAVING:
            node.end()
            notifications.notify_autoscaler()
    elif status not in EXPECTED_EXITS:
        node.mark_lost(f"Node {node.name} was lost: its process {_exit_words(status)}.")


def _exit_words(status: int | None) -> str:
    if status is None:
        return "ended for an unknown reason"
    return f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"


def _orders(host: Host) -> dict:
    """Nodes that are not listed, ended ones too, are none of this host's any more: it ends what it still runs of them."""
    shown = ~Q(state=Node.State.UNUSABLE)
    return {"nodes": [_order(node) for node in host.nodes.present().filter(shown)]}


def _order(node: Node) -> dict:
    return {
        "name": node.name,
        "key": keys.node_key(node),
        "queue": get_cluster_queue(node.target_id),
        "state": "wanted" if node.is_wanted else "leaving",
    }
