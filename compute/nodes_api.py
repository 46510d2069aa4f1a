"""The API of nodes and hosts. It is open only to their keys, never to people's tokens."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from lazuli.agent import machine
from lazuli.version import VERSION
from ninja import Router, Status
from ninja.security import HttpBearer

from accounts.actors import Actor
from compute import (
    capacity,
    gangs,
    keys,
    machine_checks,
    monitoring,
    node_resources,
    notifications,
    queue,
    rules,
    sizes,
    work_kinds,
)
from compute.models import Host, JoinToken, Node, ServiceBuild, Work
from studio.errors import Conflict, Unauthenticated
from studio.schemas import Nothing
from workspaces import access


class NodeKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.node_by_key(token)


class HostKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.host_by_key(token)


class JoinKey(HttpBearer):
    def authenticate(self, request, token):
        found = JoinToken.find(token)
        if found is None:
            raise Unauthenticated(WRONG_TOKEN)
        return found


class WorkKey(HttpBearer):
    def authenticate(self, request, token):
        return keys.work_by_key(token)


WRONG_TOKEN = (
    "This token was used already, is older than an hour, or is not from this studio. "
    "Create another one on its page Compute, Machines, Add a machine."
)
router = Router(tags=["nodes"])


@router.post(
    "/heartbeat",
    auth=NodeKey(),
    response=node_resources.NodeOrders,
    summary="Send a node's heartbeat; the response says whether to look for work or to stop",
)
def node_heartbeat(request: HttpRequest, body: node_resources.NodeHeartbeat):
    node = request.auth
    Node.objects.filter(pk=node.pk).update(heartbeat_at=timezone.now(), pid=body.pid)
    if not body.work and node.state in (Node.State.PREPARING, Node.State.RUNNING):
        node.become_idle()
    for work, gpus in body.gpus.items():
        node.assignments.current().filter(work=work).exclude(gpu_ids=gpus).update(gpu_ids=gpus)
    waiting = queue.has_work_for(node, body.work)
    return node_resources.NodeOrders(waiting=waiting, leaving=not node.is_wanted)


@router.post(
    "/claim",
    auth=NodeKey(),
    response={200: node_resources.ClaimedWork, 204: None},
    summary="Claim the next work of the cluster",
)
def node_claim(request: HttpRequest, body: node_resources.NodeClaim | None = None):
    node = request.auth
    work = queue.claim_work(node, body.held if body else [])
    if work is None or _give_up_if_forbidden(work, node):
        return Status(204, None)
    return Status(200, node_resources.ClaimedWork.of(work, node))


def _give_up_if_forbidden(work: Work, node: Node) -> bool:
    """If the submitter may no longer submit here, the work is lost: its token would be refused."""
    submitter, kind = work.submitted_by, work_kinds.kind_of(work.scope)
    if submitter.is_active and access.can(Actor(submitter), kind.action, work.target.workspace):
        return False
    work.give_up(f"{submitter.label}, who submitted this job, may no longer submit jobs in {work.target.workspace}.")
    node.become_idle()
    return True


@router.post("/work/{uuid:work_id}/done", auth=NodeKey(), response=Nothing, summary="The runner's process has ended")
def node_work_done(request: HttpRequest, work_id, body: node_resources.WorkDone):
    if not request.auth.assignments.filter(work=work_id, attempt=body.attempt).exists():
        raise Conflict("Another attempt holds this work, or another node does.", code="stale_attempt")
    # The work was already lost or ended: nothing to do.
    queue.finish_work(work_id, body.attempt, body.message, request.auth)
    request.auth.become_idle()
    return {}


@router.post(
    "/work/{uuid:work_id}/alive",
    auth=WorkKey(),
    response=node_resources.WorkOrders,
    summary="Renew the lease of kept-up work; the response says whether to stop",
)
def node_work_alive(request: HttpRequest, work_id, body: node_resources.WorkAlive):
    key, attempt = request.auth
    is_held = str(key) == work_id and queue.renew_lease(
        key, attempt, address=body.address, health=body.health, progress=body.progress
    )
    if not is_held:
        raise Conflict("Another attempt holds this work, or it was stopped.", code="stale_attempt")
    if body.build:
        ServiceBuild.append(key, attempt, body.build.offset, body.build.text, body.build.isDone)
    return node_resources.WorkOrders(stop=Work.objects.filter(pk=work_id, stop_requested_at__isnull=False).exists())


@router.post(
    "/work/{uuid:work_id}/peers",
    auth=WorkKey(),
    response=node_resources.WorkPeers,
    summary="Report the progress of one node of a job; the response has the progress of the others",
)
def node_work_peers(request: HttpRequest, work_id, body: node_resources.WorkMeeting):
    key, attempt = request.auth
    work = Work.objects.filter(pk=key).first() if str(key) == work_id else None
    found = gangs.report_stage(work, attempt, body.rank, body.stage, body.address) if work else None
    if found is None:
        raise Conflict("Another attempt holds this work, or it has ended.", code="stale_attempt")
    return found


@router.get(
    "/join",
    auth=JoinKey(),
    response=node_resources.StudioFacts,
    summary="Get what a machine must be able to reach before it joins",
)
def join_check(request: HttpRequest):
    return node_resources.StudioFacts(url=settings.PUBLIC_URL, version=VERSION)


@router.post("/join", auth=JoinKey(), response=node_resources.JoinedHost, summary="Join as a host, once per token")
def join(request: HttpRequest, body: node_resources.HostJoin):
    name = rules.COMPUTE_NAME.check(body.name)
    reported = machine.Machine(body.cpus, body.memoryGB, body.gpus)
    host = request.auth.create_host(
        name=name, cpus=body.cpus, memory_gb=body.memoryGB, gpus=body.gpus, system=body.system, heartbeat_at=None
    )
    if host is None:
        raise Unauthenticated(WRONG_TOKEN)
    sizes.fit_to_machine(reported)
    return node_resources.JoinedHost.of(host)


@router.post("/host/leave", auth=HostKey(), response=Nothing, summary="Detach this host once its work has ended")
def host_leave(request: HttpRequest):
    request.auth.detach()
    return {}


@router.get(
    "/host", auth=HostKey(), response=node_resources.HostOrders, summary="Get the nodes that this host should run"
)
def host_read(request: HttpRequest):
    return node_resources.HostOrders.of(request.auth)


@router.post(
    "/host",
    auth=HostKey(),
    response=node_resources.HostOrders,
    summary="Report the nodes of this host; the response names the nodes it should run",
)
def host_report(request: HttpRequest, body: node_resources.HostReport):
    host = request.auth
    if host.boot and body.boot and host.boot != body.boot and host.has_reported_recently(timezone.now()):
        raise Conflict(
            f"Another machine reports as {host.name}: one is a copy of the other. "
            "Let this one join separately, with `lazuli host join` and a new token.",
            code="copied_host",
        )
    reported = machine.Machine(body.cpus, body.memoryGB, body.gpus)
    if host.machine != reported:
        sizes.fit_to_machine(reported)
    Host.objects.filter(pk=host.pk).update(
        cpus=body.cpus,
        memory_gb=body.memoryGB,
        gpus=body.gpus,
        lost_gpus=",".join(body.lostGpus),
        address=body.address,
        isolation_problem=body.isolationProblem,
        container_engine=body.containerEngine,
        container_problem=body.containerProblem,
        boot=body.boot,
        system=machine_checks.update_sdk(host.system, request.headers.get("User-Agent", "")),
        wheel_cache_bytes=body.wheelCacheBytes,
        environment_cache_bytes=body.environmentCacheBytes,
        heartbeat_at=timezone.now(),
    )
    if body.gpus < host.gpus:
        capacity.drain_nodes_without_gpus(host, body.gpus, body.lostGpus)
    monitoring.store_samples(host, [sample.model_dump() for sample in body.samples], timezone.now())
    ended = {report.name: report for report in body.nodes if not report.alive}
    for node in host.nodes.present().filter(name__in=ended).select_related("target", "host"):
        _end_node(node, ended[node.name])
    if host.forget_if_done():
        return node_resources.HostOrders(nodes=[], detached=True)
    return node_resources.HostOrders.of(host)


def _end_node(node: Node, report: node_resources.NodeReport) -> None:
    """A node's process has ended. Its host restarts it if it is still wanted; its runner continues."""
    if not node.is_wanted:
        if node.state in (Node.State.LEAVING, Node.State.PREEMPTED):
            node.end()
            notifications.notify_autoscaler()
    elif report.failed and not node.has_living_runner(timezone.now()):
        message = f"Node {node.name} was lost: its process {_exit_words(report.exit)} repeatedly."
        if node.mark_lost(message) and node.host:
            node.host.record_failure(message)


def _exit_words(status: int | None) -> str:
    if status is None:
        return "ended for an unknown reason"
    return f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
