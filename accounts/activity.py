"""The activity log: who did what, when and from where. The method of a model that makes a change writes the row in the
same transaction.

Rows store names as text too, so they stay when people and objects are deleted. They never change: triggers prevent it,
and each row contains the hash of the row before it in its chain, so that a change without the triggers is detected.
Each workspace has its own chain; chain 0 is that of the site.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from accounts import activity_stream
from accounts.actors import Actor, find_view_as
from studio.append_only import AppendOnly
from studio.client_address import client_address
from studio.formats import digest_json, utc_time
from studio.request_context import current_request

SITE = 0
# PostgreSQL's advisory locks of chains begin at this number.
LOCKS = 0x4C5A << 40
SYSTEM = "Lazuli Studio"
# The text of each verb on a page; the name of the object replaces {}, or follows.
VERBS = {
    "access.refuse": "was not allowed to",
    "account.block": "blocked the account",
    "account.break_glass": "created a break-glass account for",
    "account.create": "created the account",
    "account.deactivate": "deactivated the account",
    "account.open": "unblocked the account",
    "announcement.create": "published the announcement",
    "announcement.end": "ended the announcement",
    "backup.start": "started the backup",
    "budget.approve": "approved, beyond a budget, the job",
    "budget.cancel": "reported that jobs were canceled by the budget of",
    "budget.delete": "removed the budget of",
    "budget.set": "set the budget of",
    "budget.use_up": "reported that the budget of {} is used up",
    "budget.warn": "reported that the budget of {} is nearly used up",
    "compute.create": "created the compute target",
    "compute.delete": "deleted the compute target",
    "compute.scale": "scaled the compute target",
    "compute.edit": "edited the compute target",
    "compute.rebuild": "ordered a rebuild of the environment of the compute instance",
    "compute.restart": "restarted the compute instance",
    "compute.start": "started the compute instance",
    "compute.stop": "stopped the compute instance",
    "data.archive": "archived or restored the data asset",
    "data.create": "registered the data asset",
    "data.delete": "deleted the data asset",
    "data.edit": "edited the data asset",
    "datastore.create": "registered the datastore",
    "datastore.delete": "removed the datastore",
    "datastore.edit": "edited the datastore",
    "endpoint.create": "created the endpoint",
    "endpoint.delete": "deleted the endpoint",
    "endpoint.edit": "edited the endpoint",
    "endpoint.alert": "reported an alert of the endpoint",
    "endpoint.alert_end": "reported the end of an alert of the endpoint",
    "endpoint.traffic_back": "moved the traffic back of the endpoint",
    "endpoint.key": "regenerated a key of the endpoint",
    "experiment.delete": "moved the experiment {} to the trash",
    "experiment.restore": "restored the experiment",
    "factor.add": "added a second factor to",
    "factor.remove": "removed a second factor of",
    "factor.reset": "reset the second factors of",
    "group.create": "created the resource group",
    "group.move": "moved the resource group",
    "group.delete": "deleted the resource group",
    "identity.connect": "connected an identity of",
    "identity.disconnect": "disconnected an identity of",
    "host.attach": "began to attach the machine",
    "host.attach_end": "gave up attaching the machine",
    "host.confirm_key": "confirmed the host key of the machine",
    "host.detach": "detached the machine",
    "host.drain": "drained the machine",
    "host.invite": "created a {} to add a machine",
    "host.join": "added the machine",
    "host.quarantine": "put the machine {} in quarantine",
    "host.reopen": "allowed jobs on the machine {} again",
    "keys.read": "read the keys of",
    "labeling.archive": "archived or restored the labeling project",
    "labeling.create": "created the labeling project",
    "labeling.edit": "edited the labeling project",
    "labeling.decide": "decided on a label in the project",
    "labeling.return": "returned an item to the queue of the project",
    "labeling.export": "exported the labels of the project",
    "login.approve": "approved a sign-in from",
    "login.deny": "denied a sign-in from",
    "model.alias": "changed the alias",
    "model.archive": "archived or restored the model",
    "model.delete": "moved the model {} to the trash",
    "model.restore": "restored the model",
    "model_version.archive": "archived or restored the model version",
    "model_version.create": "registered the model version",
    "model_version.delete": "moved the model version {} to the trash",
    "model_version.example": "changed the input example of",
    "model_version.restore": "restored the model version",
    "model_version.signature": "changed the signature of",
    "model_version.stage": "changed the stage of",
    "node.drain": "drained the node",
    "password.change": "changed the password of",
    "policy.change": "changed",
    "principal.create": "created the service principal",
    "principal.delete": "deleted the service principal",
    "principal.edit": "turned the service principal {} on or off",
    "principal_secret.create": "created a secret of the service principal",
    "principal_secret.revoke": "revoked a secret of the service principal",
    "promotion.approve": "approved the promotion",
    "promotion.ask": "asked for the promotion",
    "promotion.decline": "declined the promotion",
    "promotion_rule.create": "created the promotion rule for",
    "promotion_rule.delete": "deleted the promotion rule for",
    "provider.create": "set up the identity provider",
    "provider.delete": "deleted the identity provider",
    "provider.edit": "changed the identity provider",
    "provider.map": "changed the mappings of the identity provider",
    "quota.delete": "removed the quota of",
    "quota.set": "set the quota of",
    "role.change": "changed a role of",
    "role.give": "gave a role to",
    "role.remove": "removed a role of",
    "role_definition.create": "created the role",
    "role_definition.delete": "deleted the role",
    "role_definition.edit": "changed the role",
    "row.add": "added {} in the administration",
    "row.change": "changed {} in the administration",
    "row.delete": "deleted {} in the administration",
    "run.cancel": "canceled the job",
    "run.delete": "moved the job {} to the trash",
    "run.restore": "restored the job",
    "secret.create": "stored the secret",
    "secret.delete": "deleted the secret",
    "secret.edit": "edited the secret",
    "secret.prune": "deleted old versions of the secret",
    "secret.read": "read the secret",
    "secret.rotate": "stored a new version of the secret",
    "site_admin.change": "changed the site admin rights of {} by a claim mapping",
    "session.begin": "signed in as",
    "session.end": "signed out as",
    "session.prove": "confirmed access as",
    "session.revoke": "ended sessions of",
    "signin_link.create": "created a sign-in link for",
    "stream.test": "sent a test of the activity log to the",
    "storage.sweep": "deleted unused files",
    "subscription.create": "created the subscription",
    "subscription.delete": "deleted the subscription",
    "subscription.rename": "renamed the subscription",
    "token.create": "created the token",
    "token.revoke": "revoked the token",
    "user_group.create": "created the group",
    "user_group.delete": "deleted the group",
    "user_group.edit": "changed the members of the group",
    "trash.delete": "permanently deleted from the trash",
    "trash.empty": "emptied the trash of the workspace",
    "view_as.begin": "began to see the studio as",
    "view_as.end": "stopped seeing the studio as",
    "work.move": "moved the job {} to another cluster",
    "work.front": "moved the job {} to the front of its queue",
    "workspace.create": "created the workspace",
    "workspace.delete": "moved the workspace {} to the trash",
    "workspace.edit": "edited the workspace",
    "workspace.purge": "permanently deleted the workspace",
    "workspace.restore": "restored the workspace",
}
# The headings of the verbs in a filter, by the word before the period; others have that word.
VERB_GROUPS = {
    "factor": "Second factors",
    "group": "Resource groups",
    "host": "Machines",
    "keys": "Keys of storage and endpoints",
    "login": "Sign-ins of terminals",
    "node": "Nodes",
    "policy": "Sign-in rules",
    "principal": "Service principals",
    "principal_secret": "Service principals",
    "provider": "Identity providers",
    "row": "Administration",
    "run": "Jobs",
    "session": "Sessions",
    "signin_link": "Sign-in links",
    "site_admin": "Site admins",
    "stream": "Stream of the activity log",
    "user_group": "Groups",
    "view_as": "View as",
    "work": "Queue",
}
# Words after which a verb needs the name of its object.
OPEN_ENDS = ("to", "of", "for", "as", "from", "the", "changed")
HASHED = (
    "chain",
    "number",
    "at",
    "request_id",
    "actor_kind",
    "actor_id",
    "actor_name",
    "run_id",
    "token_id",
    "address",
    "verb",
    "kind",
    "object_id",
    "label",
    "scope",
    "outcome",
    "message",
    "changes",
    "previous",
)


def list_verb_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The verbs of each group, in the words of a page, for a menu."""
    found: dict[str, list[tuple[str, str]]] = {}
    for verb, text in VERBS.items():
        word = verb.partition(".")[0]
        group = VERB_GROUPS.get(word, word.replace("_", " ").capitalize())
        words = text.replace("{}", "…") if text.rpartition(" ")[2] not in OPEN_ENDS else f"{text} …"
        found.setdefault(group, []).append((verb, words[0].upper() + words[1:]))
    return sorted(found.items())


class Activity(models.Model):
    class Outcome(models.TextChoices):
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"

    class ActorKind(models.TextChoices):
        PERSON = "person"
        SERVICE_PRINCIPAL = "service principal"
        RUN = "run"
        SYSTEM = "system"
        NOBODY = "not signed in"

    # The key of the workspace, or SITE; no foreign key, because the row outlives it.
    chain = models.BigIntegerField()
    number = models.BigIntegerField()
    at = models.DateTimeField()
    # All rows of one request have the same id.
    request_id = models.CharField(max_length=32, blank=True)
    actor_kind = models.CharField(max_length=20, choices=ActorKind)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    # The run whose token acted for the person.
    run_id = models.CharField(max_length=256, blank=True)
    token_id = models.BigIntegerField(null=True)
    address = models.CharField(max_length=43, blank=True)
    verb = models.CharField(max_length=40)
    kind = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=600, blank=True)
    label = models.CharField(max_length=300, blank=True)
    # The address of the subscription, resource group or workspace; empty for the site.
    scope = models.CharField(max_length=400, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome)
    message = models.TextField(blank=True)
    # {field: [before, after]} of the changed fields.
    changes = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "activities"
        constraints = [
            models.UniqueConstraint(fields=["chain", "number"], name="one_activity_of_a_number"),
            AppendOnly(name="activity_is_append_only"),
        ]
        indexes = [
            models.Index(fields=["verb", "id"], name="activities_by_verb"),
            models.Index(fields=["actor_id", "id"], name="activities_by_actor"),
            models.Index(fields=["request_id"], name="activities_by_request"),
        ]

    def __str__(self):
        return f"{self.actor_name} {self.action_text}"

    @property
    def action_text(self) -> str:
        text = VERBS.get(self.verb, self.verb)
        if self.verb.startswith("run.") and not self.kind:
            # The label counts the jobs that were changed together.
            text = text.replace("the job {}", "{}").removesuffix(" the job")
        return (text if "{}" in text else f"{text} {{}}").replace("{}", self.label).strip()

    def to_json(self) -> str:
        """The line of the download and of the stream; the digests can be checked with it."""
        values = {name: getattr(self, name) for name in HASHED}
        return json.dumps({**values, "at": utc_time(self.at), "digest": self.digest})

    def compute_digest(self) -> str:
        return digest_of([getattr(self, name) for name in HASHED])


def digest_of(values: list) -> str:
    """Return the digest of the values of HASHED, which can also be computed from the download in JSON lines."""
    values[HASHED.index("at")] = utc_time(values[HASHED.index("at")])
    return digest_json(values)


def record(
    verb: str,
    thing: Any,
    *,
    actor: Actor | None = None,
    scope: Any = None,
    changes: dict | None = None,
    message: str = "",
    outcome: str = Activity.Outcome.DONE,
    label: str = "",
    request_id: str = "",
) -> Activity:
    """Record an action on `thing`, inside its transaction.

    `scope` is a subscription, resource group or workspace; without an actor, the sender of the current request.
    A task gives the id of the request that began it.
    """
    assert verb in VERBS, verb
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("Record an activity in the transaction of its change.")
    if view := find_view_as():
        message = f"as {view.person}: {message}" if message else f"as {view.person}"
    chain = scope.pk if scope is not None and scope._meta.model_name == "workspace" else SITE
    row = Activity(
        chain=chain,
        at=timezone.now(),
        verb=verb,
        kind=str(thing._meta.verbose_name) if thing is not None else "",
        object_id=_id_of(thing) if thing is not None else "",
        label=(label or (str(thing) if thing is not None else ""))[:300],
        scope=(scope.arm_id if scope is not None else "")[:400],
        outcome=outcome,
        message=message[:5000],
        # With the precision of the database.
        changes=json.loads(json.dumps(changes or {}, default=str)),
        **_origin(actor) | ({"request_id": request_id} if request_id else {}),
    )
    row.number, row.previous = _end_of_chain(chain)
    row.digest = row.compute_digest()
    row.save(force_insert=True)
    activity_stream.queue_activity(row)
    return row


def find_last_change(thing: Any, field: str) -> Activity | None:
    """The last change of a field of `thing`, if it is among the last 1,000 actions in its workspace or on the site."""
    workspace = thing if thing._meta.model_name == "workspace" else getattr(thing, "workspace", None)
    rows = Activity.objects.filter(chain=workspace.pk if workspace else SITE)
    newest = rows.order_by("-number").values_list("number", flat=True).first() or 0
    own = rows.filter(number__gt=newest - 1000, kind=str(thing._meta.verbose_name), object_id=_id_of(thing))
    return next((row for row in own.order_by("-number")[:100] if field in row.changes), None)


def _id_of(thing: Any) -> str:
    return str(getattr(thing, "arm_id", "") or thing.pk or "")[:600]


def _origin(actor: Actor | None) -> dict:
    """The fields of a row for the actor, the address and the request."""
    request = current_request()
    if view := find_view_as():
        actor = Actor(view.admin)
    elif actor is None and request is not None:
        actor = _actor_of(request)
    found: dict[str, Any] = {"actor_kind": Activity.ActorKind.SYSTEM, "actor_name": SYSTEM}
    if request is not None:
        found |= {"request_id": request.id, "address": client_address(request)}  # type: ignore[attr-defined]
        found |= {"actor_kind": Activity.ActorKind.NOBODY, "actor_name": ""}
    if actor is not None:
        kind = Activity.ActorKind.RUN if actor.is_run else Activity.ActorKind(actor.user.kind)
        found |= {"actor_kind": kind, "actor_id": actor.user.pk, "actor_name": actor.user.username}
        found |= {"run_id": actor.run_id, "token_id": actor.token_id}
    return found


def _actor_of(request) -> Actor | None:
    auth = getattr(request, "auth", None)
    if isinstance(auth, Actor):
        return auth
    user = getattr(request, "user", None)
    return Actor(user) if user is not None and user.is_authenticated else None


def _end_of_chain(chain: int) -> tuple[int, str]:
    """The number of the next row and the hash of the last one. No other transaction gets them until this one ends."""
    table = Activity._meta.db_table
    statement = f"SELECT number, digest FROM {table} WHERE chain = {chain:d} ORDER BY number DESC LIMIT 1"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Both in one round trip; the second one sees all that was written before the lock was free.
            cursor.execute(f"SELECT pg_advisory_xact_lock({LOCKS + chain:d}); {statement}")
            cursor.nextset()
        else:
            cursor.execute(statement)
        last = cursor.fetchone()
    return (last[0] + 1, last[1]) if last else (1, "")


def find_breaks(rows: Iterable[tuple] | None = None, *, from_start: bool = True) -> Iterator[str]:
    """Find problems of the chains, as sentences. `rows` are values of HASHED and the digest, by chain and number."""
    if rows is None:
        rows = Activity.objects.order_by("chain", "number").values_list(*HASHED, "digest").iterator(chunk_size=2000)
    chain, number, digest = None, 0, ""
    for *values, own in rows:
        found = dict(zip(HASHED, values, strict=True))
        if found["chain"] != chain:
            chain, number, digest = found["chain"], 0, ""
            if not from_start:
                number, digest = found["number"] - 1, found["previous"]
        where = f"Row {found['number']} of {'the site' if chain == SITE else f'workspace {chain}'}"
        if found["number"] != number + 1:
            yield f"{where} follows row {number}: rows between them are missing."
        elif found["previous"] != digest:
            yield f"{where} does not continue the row before it."
        if digest_of(values) != own:
            yield f"{where} was changed after it was written."
        number, digest = found["number"], own
