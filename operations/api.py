"""The administration over REST, for tokens of site admins: the actions of its pages, by the same methods."""

import contextlib
import dataclasses
import uuid

from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Status

from accounts import people
from accounts.actors import require_site_admin
from accounts.models import Token, User
from backups.models import Backup
from compute.models import Host, Node
from operations import bulk, resources, storage_use, undo, waiting
from operations.bulk_verbs import KINDS
from operations.models import Announcement, JobRecord
from operations.people import add_figures, find_people
from studio import api
from studio.errors import Invalid
from studio.schemas import list_of
from studio.words import split_words
from trash import orphaned_files

QUEUE_STATES = {"waiting": waiting.list_waiting, "running": waiting.list_running}


class SiteAdmin(api.Bearer):
    """A token with all permissions of a site admin."""

    def authenticate(self, request, token):
        actor = super().authenticate(request, token)
        if actor:
            require_site_admin(actor, "use the administration, with an unlimited token")
        return actor


router = Router(tags=["Administration"], auth=SiteAdmin())


@contextlib.contextmanager
def rehearse(is_dry: bool):
    """Roll back everything that happens inside if it is a dry run, so that a preview is the action itself."""
    with transaction.atomic():
        yield
        if is_dry:
            transaction.set_rollback(True)


def _result(is_dry: bool, target: str, counts: dict[str, int], names: list[str] | None = None):
    return resources.AdministrationResult(dryRun=is_dry, target=target, counts=counts, names=names or [])


@router.get("/people", response=list_of(resources.PersonAccount), summary="List the people, with their usage")
def people_list(request: HttpRequest, state: str = "", q: str = ""):
    if state and state not in people.STATES:
        raise Invalid(f"state={state[:30]!r}: write one of {', '.join(people.STATES)}.", target="state")
    rows, next_link = api.cut_page(request, find_people(split_words(q), state))
    value = [resources.PersonAccount.of(row) for row in add_figures(rows)]
    return list_of(resources.PersonAccount)(value=value, nextLink=next_link)


def _find_person(name: str) -> User:
    found = people.list_people().filter(username=name).first()
    if found is None:
        raise Http404(f"There is no person '{name}'.")
    return found


@router.post("/people/{name}/block", response=resources.AdministrationResult, summary="Block an account")
def person_block(request: HttpRequest, name: str, dryRun: bool = False):
    person = _find_person(name)
    with rehearse(dryRun):
        counts = {"sessions": person.sessions.count()}
        people.block_account(request.auth, person)
    return _result(dryRun, name, counts)


@router.post("/people/{name}/unblock", response=resources.AdministrationResult, summary="Unblock an account")
def person_unblock(request: HttpRequest, name: str):
    people.open_account(request.auth, _find_person(name))
    return _result(False, name, {})


@router.post(
    "/people/{name}/deactivate",
    response=resources.AdministrationResult,
    summary="Deactivate an account; the heir takes over what it owns",
)
def person_deactivate(request: HttpRequest, name: str, body: resources.DeactivationRequest, dryRun: bool = False):
    person = _find_person(name)
    with rehearse(dryRun):
        counts = {"sessions": person.sessions.count()}
        counts["tokens"] = Token.objects.filter(user=person, revoked_at=None).count()
        counts |= people.deactivate_account(request.auth, person, people.find_heir(body.heir.strip()[:150]))
    return _result(dryRun, name, counts)


@router.post("/people/{name}/endSessions", response=resources.AdministrationResult, summary="Sign a person out")
def person_sign_out(request: HttpRequest, name: str, dryRun: bool = False):
    person = _find_person(name)
    with rehearse(dryRun):
        ended = people.end_sessions(person)
    return _result(dryRun, name, {"sessions": ended})


@router.get(
    "/queue",
    response=list_of(resources.QueuedWork),
    summary="List the waiting work of all workspaces with its reasons, or the running work",
)
def queue_list(request: HttpRequest, state: str = "waiting"):
    if state not in QUEUE_STATES:
        raise Invalid(f"state={state[:30]!r}: write waiting or running.", target="state")
    rows, next_link = api.cut_page(request, QUEUE_STATES[state]())
    if state == "waiting":
        waiting.explain_waiting(rows)
    value = [resources.QueuedWork.of(row) for row in rows]
    return list_of(resources.QueuedWork)(value=value, nextLink=next_link)


@router.post("/queue/{uuid:work_id}/moveToFront", response=resources.QueuedWork, summary="Move work to the front")
def queue_front(request: HttpRequest, work_id: uuid.UUID):
    work = waiting.find_work(work_id)
    waiting.move_to_front(work)
    waiting.explain_waiting([work])
    return resources.QueuedWork.of(work)


@router.post(
    "/queue/{uuid:work_id}/move", response=resources.QueuedWork, summary="Move waiting work to another cluster"
)
def queue_move(request: HttpRequest, work_id: uuid.UUID, body: resources.MoveRequest):
    work = waiting.find_work(work_id)
    waiting.move_to_cluster(work, body.compute)
    waiting.explain_waiting([work])
    return resources.QueuedWork.of(work)


@router.post(
    "/queue/{uuid:work_id}/cancel",
    response=resources.AdministrationResult,
    summary="Cancel the job of this work with its child jobs",
)
def queue_cancel(request: HttpRequest, work_id: uuid.UUID, dryRun: bool = False):
    work = waiting.find_work(work_id)
    with rehearse(dryRun):
        canceled = waiting.cancel_job(work)
    return _result(dryRun, work.title, {"jobs": len(canceled)}, canceled)


def _with_nodes():
    return Host.objects.prefetch_related("nodes").order_by("name")


def _find_host(name: str) -> Host:
    found = _with_nodes().filter(name=name).first()
    if found is None:
        raise Http404(f"There is no machine '{name}'.")
    return found


@router.get("/machines", response=list_of(resources.Machine), summary="List the machines with their nodes")
def machine_list(request: HttpRequest):
    return api.paginate(request, _with_nodes(), resources.Machine)


@router.post(
    "/machines/{name}/drain",
    response=resources.Machine,
    summary="Drain a machine: it accepts no more jobs, until a time if one is given",
)
def machine_drain(request: HttpRequest, name: str, body: resources.DrainRequest):
    _find_host(name).drain(body.reason, body.until)
    return resources.Machine.of(_find_host(name))


@router.post("/machines/{name}/quarantine", response=resources.Machine, summary="Put a machine in quarantine")
def machine_quarantine(request: HttpRequest, name: str, body: resources.QuarantineRequest):
    _find_host(name).quarantine(body.reason)
    return resources.Machine.of(_find_host(name))


@router.post("/machines/{name}/reopen", response=resources.Machine, summary="Open a machine, also one in quarantine")
def machine_reopen(request: HttpRequest, name: str):
    _find_host(name).reopen()
    return resources.Machine.of(_find_host(name))


@router.post(
    "/machines/{name}/detach",
    response=resources.AdministrationResult,
    summary="Detach a machine; it is deleted once its nodes have ended",
)
def machine_detach(request: HttpRequest, name: str, dryRun: bool = False):
    host = _find_host(name)
    with rehearse(dryRun):
        host.detach()
        names = list(Node.objects.present().filter(host=host).order_by("name").values_list("name", flat=True))
    return _result(dryRun, name, {"nodes": len(names)}, names)


@router.post(
    "/nodes/{name}/drain",
    response=resources.AdministrationResult,
    summary="Drain a node: it stops after its current jobs",
)
def node_drain(request: HttpRequest, name: str, dryRun: bool = False):
    present = Node.objects.present().with_work().select_related("target__workspace__resource_group__subscription")
    found = present.filter(name=name).first()
    if found is None:
        raise Http404(f"There is no node '{name}'.")
    jobs = [work.title for work in found.current_work]
    with rehearse(dryRun):
        found.drain()
    return _result(dryRun, name, {"jobs": len(jobs)}, jobs)


@router.get("/storage", response=list_of(resources.StoredWorkspace), summary="List what each workspace stores")
def storage_list(request: HttpRequest):
    value = [resources.StoredWorkspace.of(row) for row in storage_use.list_workspaces()]
    return list_of(resources.StoredWorkspace)(value=value, nextLink="")


@router.post(
    "/storage/sweep",
    response=resources.AdministrationResult,
    summary="Delete unused files; if there are very many, in the background",
)
def storage_sweep(request: HttpRequest, dryRun: bool = False):
    found = orphaned_files.preview_orphans(timezone.now())
    if not dryRun and found.is_whole:
        found = storage_use.delete_unused(found.at, found.token)
    elif not dryRun:
        storage_use.start_sweep()
    counts = {"files": len(found.keys), "bytes": found.bytes}
    return _result(dryRun, "unused files" if found.is_whole else "unused files, in the background", counts)


@router.get("/health", response=resources.Health, summary="Run the checks of `manage.py doctor`; list background tasks")
def health_read(request: HttpRequest):
    # Imported here: it needs 10 MB in each process.
    from studio.doctor import run_checks

    checks = [resources.Check(**dataclasses.asdict(found)) for found in run_checks()]
    return resources.Health(checks=checks, tasks=[resources.BackgroundTask.of(row) for row in JobRecord.objects.all()])


@router.post(
    "/{kind}/bulk",
    response=resources.BulkResult,
    summary="Do one action on several people, machines or workspaces",
)
def bulk_act(request: HttpRequest, kind: str, body: resources.BulkRequest, dryRun: bool = False):
    if kind not in KINDS:
        raise Http404(f"There is no list {kind[:40]!r}: write {', '.join(KINDS)}.")
    verb = KINDS[kind].find_verb(body.action)
    given = {name: getattr(body, name) for name in ("group", "heir", "reason", "until", "at")}
    if "at" in verb.fields:
        given["at"] = body.at or timezone.now()
    outcome = bulk.perform(
        KINDS[kind], body.action, request.auth, body.names, given, previewed=body.selection, is_dry=dryRun
    )
    return resources.BulkResult.of(outcome, request.id, dryRun)


@router.post(
    "/requests/{request_id}/undo",
    response=resources.BulkResult,
    summary="Undo what a request did, as far as nobody has changed it since",
)
def request_undo(request: HttpRequest, request_id: str, dryRun: bool = False, selection: str = ""):
    outcome = undo.undo_request(request.auth, request_id, previewed=selection, is_dry=dryRun)
    return resources.BulkResult.of(outcome, request.id, dryRun)


@router.get("/announcements", response=list_of(resources.AnnouncementResource), summary="List the announcements")
def announcement_list(request: HttpRequest):
    return api.paginate(request, Announcement.objects.select_related("created_by"), resources.AnnouncementResource)


@router.post("/announcements", response={201: resources.AnnouncementResource}, summary="Publish an announcement")
def announcement_publish(request: HttpRequest, body: resources.AnnouncementRequest):
    made = Announcement.publish(request.auth.user, body.text, body.level, body.startsAt, body.endsAt)
    return Status(201, resources.AnnouncementResource.of(made))


@router.post(
    "/announcements/{announcement_id}/end", response=resources.AnnouncementResource, summary="End an announcement now"
)
def announcement_end(request: HttpRequest, announcement_id: int):
    found = Announcement.objects.select_related("created_by").filter(pk=announcement_id).first()
    if found is None:
        raise Http404(f"There is no announcement {announcement_id}.")
    found.end()
    return resources.AnnouncementResource.of(found)


@router.get("/backups", response=list_of(resources.BackupResource), summary="List the backups, newest first")
def backup_list(request: HttpRequest):
    return api.paginate(request, Backup.objects.select_related("created_by"), resources.BackupResource)


@router.post("/backups", response={202: resources.BackupResource}, summary="Start a backup and its check")
def backup_start(request: HttpRequest):
    return Status(202, resources.BackupResource.of(Backup.queue(request.auth.user)))
