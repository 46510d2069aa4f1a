"""Revisions in the work queue: their token, their page, and what a failed start does (`Revision.fail_start`)."""

from django.core import signing
from django.urls import reverse

from compute import work_kinds
from compute.models import ServiceBuild, Work
from endpoints.models import Replica, Revision

NAME = "service"
SALT = "service-replica"


def scope_of(revision: Revision) -> str:
    return f"{NAME}:{revision.pk}"


def make_token(work: Work) -> str:
    """The token of the process of one attempt."""
    return "service." + signing.dumps([str(work.pk), work.attempt], salt=SALT)


def find_replica(token: str) -> Replica | None:
    """The replica whose current attempt has this token."""
    prefix, _, signed = token.partition(".")
    try:
        key, attempt = signing.loads(signed, salt=SALT) if prefix == NAME else (None, 0)
    except signing.BadSignature:
        return None
    if key is None:
        return None
    held = Replica.objects.filter(work=key, work__attempt=attempt, work__state=Work.State.CLAIMED)
    return held.select_related("revision__endpoint__workspace", "work").first()


def find_revision(work: Work) -> Revision | None:
    return Revision.objects.filter(pk=work.subject).select_related("endpoint__workspace").first()


def find_build(revision: Revision) -> ServiceBuild | None:
    """The newest build of its environment; None if that came from the cache."""
    return ServiceBuild.objects.of(revision.endpoint.workspace).filter(work__scope=scope_of(revision)).first()


def make_title(work: Work) -> str:
    revision = find_revision(work)
    return f"{revision.endpoint.name}, revision {revision.number}" if revision else "A deleted endpoint"


def page_url(work: Work) -> str:
    revision = find_revision(work)
    if revision is None:
        return reverse("endpoints:list", args=[work.target.workspace.slug])
    return revision.endpoint.get_absolute_url()


def on_queued_again(work: Work, reason: str) -> None:
    replica = Replica.objects.filter(work=work.pk, revision__ready_at=None).select_related("revision").first()
    if replica:
        replica.revision.fail_start(work.restarts + 1, reason)


KIND = work_kinds.WorkKind(
    name=NAME,
    make_token=make_token,
    page_url=page_url,
    make_title=make_title,
    life=work_kinds.Life.KEPT_UP,
    action="edit",
    on_queued_again=on_queued_again,
)
