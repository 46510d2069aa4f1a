"""The permissions of a run token. Every route of both APIs asks this module at each request.

The token contains the submitter, the run and the attempt. One query checks whether the run still exists and
is active, whether the attempt is the current one, and whether the person may submit in the workspace *now*: a removed
role or deactivated account takes effect at once. Then the table below defines what the token may do at the route,
and runs/token_filters.py limits the runs accordingly. A route without a line is denied.
"""

import datetime as dt
import functools
import re
import typing

from django.db import connection
from django.db.models import Max, Model
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import User
from compute.models import Work
from runs import attempts
from runs.models import Run
from runs.token_filters import May, filter_below
from studio.api import W
from studio.errors import Conflict, Denied, Unauthenticated
from workspaces import access
from workspaces.models import ResourceGroup, RoleAssignment, UserGroup, Workspace

# How long after the run's end its script's log, metrics and files are still accepted.
GRACE = dt.timedelta(seconds=60)
LATE = {May.READ, May.ADD, May.REPORT}
S = "/subscriptions/{subscription_id}"
G = S + "/resourceGroups/{resource_group}"
PROVIDER = "/providers/Microsoft.MachineLearningServices"
SHORT = {
    "{S}": S,
    "{G}": G,
    "{P}": PROVIDER,
    "{W}": W,
    "{H}": f"/history/v1.0{W}",
    "{C}": f"/content/v1.0{W}",
    "{V}": f"/modelmanagement/v1.0{W}",
}
TABLE = """
GET    /subscriptions                                        READ
GET    {S}                                                   READ
PUT    {S}                                                   NO
PATCH  {S}                                                   NO
DELETE {S}                                                   NO
GET    {S}/resourceGroups                                    READ
GET    {G}                                                   READ
PUT    {G}                                                   NO
DELETE {G}                                                   NO
POST   {G}/move                                              NO
GET    {S}{P}/workspaces                                     READ
GET    {G}{P}/workspaces                                     READ
GET    {S}{P}/deletedWorkspaces                              NO
GET    {W}                                                   READ
PUT    {W}                                                   NO
PATCH  {W}                                                   NO
DELETE {W}                                                   NO
POST   {W}/restore                                           NO
POST   {W}/listKeys                                          NO
GET    {W}/activities                                        NO
GET    {W}/secrets                                           NO
PUT    {W}/secrets/{name}                                    NO
GET    {W}/secrets/{name}                                    READ
GET    {W}/secrets/{name}/versions                           NO
DELETE {W}/secrets/{name}                                    NO
GET    /login/whoami                                         READ
GET    /notices/v1.0/notifications                           NO
GET    /notices/v1.0/preferences                             NO
PUT    /notices/v1.0/preferences/{event}                     NO
GET    /notices/v1.0/webhook                                 NO
PUT    /notices/v1.0/webhook                                 NO
GET    /api/openapi.json                                     READ
GET    {W}/computes                                          NO
GET    {W}/computes/{name}                                   NO
PUT    {W}/computes/{name}                                   NO
PATCH  {W}/computes/{name}                                   NO
DELETE {W}/computes/{name}                                   NO
POST   {W}/computes/{name}/listNodes                         NO
POST   {W}/computes/{name}/start                             NO
POST   {W}/computes/{name}/stop                              NO
POST   {W}/computes/{name}/resize                            NO
POST   {W}/computes/{name}/restart                           NO
POST   {W}/computes/{name}/updateIdleShutdownSetting         NO
POST   {W}/computes/{name}/updateSchedules                   NO
GET    {S}{P}/locations/{location}/vmSizes                   READ
GET    {S}{P}/locations/{location}/usages                    READ
GET    {W}/environments                                      READ
GET    {W}/environments/{name}                               READ
DELETE {W}/environments/{name}                               NO
GET    {W}/environments/{name}/versions                      READ
GET    {W}/environments/{name}/versions/{version}            READ
PUT    {W}/environments/{name}/versions/{version}            NO
DELETE {W}/environments/{name}/versions/{version}            NO
GET    {W}/data                                              READ
GET    {W}/data/{name}                                       READ
PUT    {W}/data/{name}                                       NO
DELETE {W}/data/{name}                                       NO
GET    {W}/data/{name}/versions                              READ
GET    {W}/data/{name}/versions/{version}                    READ
GET    {W}/data/{name}/versions/{version}/quality            READ
PUT    {W}/data/{name}/versions/{version}                    MAKE
DELETE {W}/data/{name}/versions/{version}                    NO
POST   {W}/datasets                                          MAKE
POST   {W}/datasets/rows                                     READ
GET    {W}/datasets/{dataset_id}                             READ
GET    {W}/labelingJobs                                      READ
GET    {W}/labelingJobs/{name}                               READ
PUT    {W}/labelingJobs/{name}                               NO
POST   {W}/labelingJobs/{name}/exportLabels                  NO
GET    {W}/labelingJobs/{name}/items                         READ
PUT    {W}/labelingJobs/{name}/items/{number}                NO
GET    {W}/datastores                                        READ
GET    {W}/datastores/{name}                                 READ
PUT    {W}/datastores/{name}                                 NO
DELETE {W}/datastores/{name}                                 NO
POST   {W}/datastores/{name}/listSecrets                     NO
POST   {W}/datastores/{name}/setDefault                      NO
POST   {W}/datastores/{name}/test                            NO
GET    {W}/datastores/{name}/files                           READ
PUT    {W}/datastores/{name}/files                           MAKE
POST   {W}/datastores/{name}/files/download                  READ
GET    {W}/datastores/{name}/files/content                   READ
HEAD   {W}/datastores/{name}/files/content                   READ
PUT    {W}/datastores/{name}/files/content                   MAKE
DELETE {W}/datastores/{name}/files/content                   NO
GET    {W}/datastores/{name}/blobs/{account}/{container}     READ
GET    {W}/datastores/{name}/blobs/{account}/{container}/{path} READ
HEAD   {W}/datastores/{name}/blobs/{account}/{container}/{path} READ
PUT    {W}/datastores/{name}/blobs/{account}/{container}/{path} MAKE
GET    {W}/uploads/{upload}                                  ADD
PUT    {W}/uploads/{upload}                                  ADD
DELETE {W}/uploads/{upload}                                  ADD
GET    {W}/jobs                                              READ
PUT    {W}/jobs/{name}                                       MAKE
GET    {W}/jobs/{name}                                       READ
PATCH  {W}/jobs/{name}                                       ADD
DELETE {W}/jobs/{name}                                       NO
POST   {W}/jobs/{name}/cancel                                STEER
GET    {H}/experiments                                       READ
PUT    {H}/experiments/{name}/runs/{run_id}                  MAKE
PATCH  {H}/experiments/{name}/runs/{run_id}                  ADD
GET    {H}/experiments/{name}/runs                           READ
GET    {H}/experiments/{name}                                READ
PUT    {H}/experiments/{name}                                READ
PATCH  {H}/experiments/{name}                                NO
DELETE {H}/experiments/{name}                                NO
GET    {H}/runs                                              READ
GET    {H}/runs/{run_id}                                     READ
PATCH  {H}/runs/{run_id}                                     ADD
DELETE {H}/runs/{run_id}                                     NO
GET    {H}/runs/{run_id}/details                             READ
GET    {H}/runs/{run_id}/children                            READ
POST   {H}/runs/{run_id}/events                              REPORT
POST   {H}/runs/{run_id}/heartbeat                           REPORT
POST   {H}/runs/{run_id}/cancel                              STEER
POST   {H}/runs/{run_id}/token                               OWN
POST   {H}/runs/{run_id}/params                              ADD
POST   {H}/runs/{run_id}/metrics                             ADD
GET    {H}/runs/{run_id}/metrics                             READ
GET    {H}/runs/{run_id}/metrics/points                      READ
GET    {H}/runs/{run_id}/artifacts                           READ
PUT    {H}/runs/{run_id}/artifacts                           ADD
POST   {H}/runs/{run_id}/artifacts/download                  READ
PUT    {H}/runs/{run_id}/artifacts/content                   ADD
GET    {H}/runs/{run_id}/artifacts/content                   READ
HEAD   {H}/runs/{run_id}/artifacts/content                   READ
DELETE {H}/runs/{run_id}/artifacts/content                   STEER
POST   {H}/runs/{run_id}/artifacts/append                    ADD
GET    {H}/trash/runs                                        NO
GET    {H}/trash/experiments                                 NO
POST   {H}/trash/restore                                     NO
POST   {H}/trash/purge                                       NO
GET    /history/v1.0/purges                                  NO
GET    /history/v1.0/purges/{purge_id}                       NO
GET    {C}/snapshots                                         READ
PUT    {C}/snapshots/{snapshot_id}                           MAKE
GET    {C}/snapshots/{snapshot_id}                           READ
GET    {C}/snapshots/{snapshot_id}/zip                       READ
GET    /administration/v1.0/people                           NO
POST   /administration/v1.0/people/{name}/block              NO
POST   /administration/v1.0/people/{name}/unblock            NO
POST   /administration/v1.0/people/{name}/deactivate         NO
POST   /administration/v1.0/people/{name}/endSessions        NO
GET    /administration/v1.0/queue                            NO
POST   /administration/v1.0/queue/{work_id}/moveToFront      NO
POST   /administration/v1.0/queue/{work_id}/move             NO
POST   /administration/v1.0/queue/{work_id}/cancel           NO
GET    /administration/v1.0/machines                         NO
POST   /administration/v1.0/{kind}/bulk                         NO
POST   /administration/v1.0/requests/{request_id}/undo          NO
POST   /administration/v1.0/nodes/{name}/drain                  NO
GET    /administration/v1.0/storage                             NO
POST   /administration/v1.0/storage/sweep                       NO
GET    /administration/v1.0/health                              NO
POST   /administration/v1.0/machines/{name}/quarantine          NO
POST   /administration/v1.0/machines/{name}/drain            NO
POST   /administration/v1.0/machines/{name}/reopen           NO
POST   /administration/v1.0/machines/{name}/detach           NO
GET    /administration/v1.0/announcements                    NO
POST   /administration/v1.0/announcements                    NO
POST   /administration/v1.0/announcements/{announcement_id}/end NO
GET    /administration/v1.0/backups                          NO
POST   /administration/v1.0/backups                          NO
GET    {W}/models                                            READ
GET    {W}/models/{name}                                     READ
PUT    {W}/models/{name}                                     MAKE
DELETE {W}/models/{name}                                     NO
GET    {W}/models/{name}/versions                            READ
GET    {W}/models/{name}/versions/{version}                  READ
PUT    {W}/models/{name}/versions/{version}                  MAKE
PATCH  {W}/models/{name}/versions/{version}                  MAKE
DELETE {W}/models/{name}/versions/{version}                  NO
GET    {W}/codes/{name}/versions                            NO
GET    {W}/codes/{name}/versions/{version}                  NO
PUT    {W}/codes/{name}/versions/{version}                  NO
POST   {W}/codes/{name}/versions/{version}/startPendingUpload NO
GET    {W}/onlineEndpoints                                   READ
GET    {W}/onlineEndpoints/{name}                            READ
PUT    {W}/onlineEndpoints/{name}                            NO
DELETE {W}/onlineEndpoints/{name}                            NO
POST   {W}/onlineEndpoints/{name}/listKeys                   NO
POST   {W}/onlineEndpoints/{name}/regenerateKeys             NO
POST   {W}/onlineEndpoints/{name}/token                      NO
GET    {W}/onlineEndpoints/{name}/deployments                READ
GET    {W}/onlineEndpoints/{name}/deployments/{deployment}   READ
PUT    {W}/onlineEndpoints/{name}/deployments/{deployment}   NO
DELETE {W}/onlineEndpoints/{name}/deployments/{deployment}   NO
GET    {W}/onlineEndpoints/{name}/deployments/{deployment}/operations/{number} READ
POST   {W}/onlineEndpoints/{name}/deployments/{deployment}/getLogs READ
GET    {V}/models                                            READ
GET    {V}/lineage                                           NO
GET    {V}/promotionRequests                                 NO
PATCH  {V}/promotionRequests/{number}                        NO
POST   {V}/models/{name}/versions/{version}/promotionRequests NO
GET    {V}/services                                          READ
GET    {V}/services/{name}                                   READ
PUT    {V}/services/{name}                                   NO
PATCH  {V}/services/{name}                                   NO
DELETE {V}/services/{name}                                   NO
POST   {V}/services/{name}/listkeys                          NO
POST   {V}/services/{name}/regenerateKeys                    NO
POST   {V}/services/{name}/token                             NO
GET    {V}/services/{name}/logs                              READ
POST   {V}/services/{name}/replays                           NO
GET    {V}/services/{name}/replays/{replay_id}               NO
GET    {V}/services/{name}/alerts                            READ
PUT    {V}/services/{name}/alerts                            NO
GET    {V}/services/{name}/guard                             READ
PUT    {V}/services/{name}/guard                             NO
GET    {V}/services/{name}/requests/{request_id}             NO
GET    {V}/models/{name}/versions/{version}/files            READ
GET    {V}/models/{name}/versions/{version}/files/content    READ
HEAD   {V}/models/{name}/versions/{version}/files/content    READ
GET    {V}/models/{name}/versions/{version}/signature        READ
PATCH  {V}/models/{name}/versions/{version}/signature        NO
POST   {V}/models/{name}/versions/{version}/files/download   READ
PUT    {V}/files                                             MAKE
POST   mlflow/experiments/create                             NO
GET    mlflow/experiments/get                                READ
GET    mlflow/experiments/get-by-name                        READ
POST   mlflow/experiments/search                             READ
GET    mlflow/experiments/search                             READ
GET    mlflow/experiments/list                               READ
POST   mlflow/experiments/search-datasets                    READ
POST   mlflow/experiments/update                             NO
POST   mlflow/experiments/delete                             NO
POST   mlflow/experiments/restore                            NO
POST   mlflow/experiments/set-experiment-tag                 NO
POST   mlflow/experiments/delete-experiment-tag              NO
POST   mlflow/runs/create                                    MAKE
GET    mlflow/runs/get                                       READ
POST   mlflow/runs/update                                    STEER
POST   mlflow/runs/delete                                    NO
POST   mlflow/runs/restore                                   NO
POST   mlflow/runs/search                                    READ
POST   mlflow/runs/set-tag                                   ADD
POST   mlflow/runs/delete-tag                                STEER
POST   mlflow/runs/log-metric                                ADD
POST   mlflow/runs/log-parameter                             ADD
POST   mlflow/runs/log-batch                                 ADD
POST   mlflow/runs/log-model                                 ADD
POST   mlflow/runs/log-inputs                                ADD
POST   mlflow/runs/outputs                                   ADD
GET    mlflow/metrics/get-history                            READ
GET    mlflow/metrics/get-history-bulk                       READ
GET    mlflow/metrics/get-history-bulk-interval              READ
GET    mlflow/artifacts/list                                 READ
GET    mlflow/get-artifact                                   READ
GET    get-artifact                                          READ
GET    model-versions/get-artifact                           READ
POST   mlflow/upload-artifact                                ADD
GET    mlflow-artifacts/artifacts                            READ
GET    mlflow/server-info                                    READ
GET    mlflow-artifacts/artifacts/{artifact}                 READ
PUT    mlflow-artifacts/artifacts/{artifact}                 ADD
DELETE mlflow-artifacts/artifacts/{artifact}                 STEER
POST   mlflow-artifacts/mpu/create/{artifact}                ADD
POST   mlflow-artifacts/mpu/complete/{artifact}              ADD
POST   mlflow-artifacts/mpu/abort/{artifact}                 ADD
PUT    mlflow-artifacts/mpu/part/{artifact}                  ADD
GET    mlflow-artifacts/presigned/{artifact}                 READ
POST   mlflow/registered-models/create                       MAKE
POST   mlflow/registered-models/rename                       NO
PATCH  mlflow/registered-models/update                       MAKE
DELETE mlflow/registered-models/delete                       NO
GET    mlflow/registered-models/get                          READ
GET    mlflow/registered-models/search                       READ
POST   mlflow/registered-models/get-latest-versions          READ
GET    mlflow/registered-models/get-latest-versions          READ
POST   mlflow/registered-models/set-tag                      MAKE
DELETE mlflow/registered-models/delete-tag                   MAKE
POST   mlflow/registered-models/alias                        MAKE
DELETE mlflow/registered-models/alias                        MAKE
GET    mlflow/registered-models/alias                        READ
POST   mlflow/model-versions/create                          MAKE
PATCH  mlflow/model-versions/update                          MAKE
POST   mlflow/model-versions/transition-stage                MAKE
DELETE mlflow/model-versions/delete                          NO
GET    mlflow/model-versions/get                             READ
GET    mlflow/model-versions/search                          READ
GET    mlflow/model-versions/get-download-uri                READ
POST   mlflow/model-versions/set-tag                         MAKE
DELETE mlflow/model-versions/delete-tag                      MAKE
POST   mlflow/logged-models                                  MAKE
POST   mlflow/logged-models/search                           READ
GET    mlflow/logged-models/{model_id}                       READ
PATCH  mlflow/logged-models/{model_id}                       ADD
DELETE mlflow/logged-models/{model_id}                       NO
PATCH  mlflow/logged-models/{model_id}/tags                  ADD
DELETE mlflow/logged-models/{model_id}/tags/{key}            ADD
POST   mlflow/logged-models/{model_id}/params                ADD
GET    mlflow/logged-models/{model_id}/artifacts/directories READ
GET    mlflow/logged-models/{model_id}/artifacts/files       READ
"""


def _read(table: str) -> dict[str, May]:
    found = {}
    for method, route, word in map(str.split, table.strip().splitlines()):
        for short, long in SHORT.items():
            route = route.replace(short, long)
        found[f"{method} {route}"] = May[word]
    return found


RULES = _read(TABLE)


@functools.lru_cache(maxsize=1000)
def find_rule(method: str, route: str) -> May:
    """The rule of a route, as Django (`jobs/<name>`) or mlflow_api/routes.py writes it."""
    plain = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    return RULES.get(f"{method} {plain}") or RULES.get(f"{method} /{plain}") or May.NO


def authorize_run_token(claim: tuple, method: str, route: str) -> Actor:
    """The actor for one request to one route; else the error says why the token is refused."""
    user_id, workspace_id, run_id, attempt = claim
    own = _run(user_id, workspace_id, run_id)
    may = find_rule(method, route)
    _check_alive(own, run_id, may, user_id)
    if own.work_id and (own.held_attempt != attempt or own.held_state == Work.State.LOST):
        own.writer = (own.work_id, attempt)
        raise attempts.stale_attempt_error(own)
    if may is May.NO:
        raise Denied(f"The token of a run may not do this (its run is {run_id}); use a personal token.")
    if not own.is_active and may not in LATE:
        raise Unauthenticated(
            f"The run {run_id} is {own.status}; its token accepts only what the script has not sent yet."
        )
    user = User.of_key(user_id)
    return Actor(user, workspace_id, run_id, attempt, own, may)


def _check_alive(own, run_id: str, may: May, user_id: int) -> None:
    if own is None:
        raise Unauthenticated(f"The run {run_id} no longer exists; its token is no longer valid.")
    if not (own.submitter_may or _may_by_custom_role(user_id, own.workspace_id)):
        raise Unauthenticated(
            f"The submitter of the run {run_id} may no longer submit in this workspace; the run's token is no longer valid."
        )
    if not (own.is_active or has_just_ended(own)):
        if may is May.ADD:
            # Another error than for a wrong token, which the script would try to renew.
            text = f"The run {run_id} is {own.status} and accepts no more data; this request came too late."
            raise Conflict(text, code="run_is_final")
        raise Unauthenticated(f"The run {run_id} is {own.status}; its token has ended with it.")


def has_just_ended(run) -> bool:
    """By the earlier of its end time, which MLflow's clients set, and of the moment at which the end was reported."""
    now = timezone.now()
    if run.ended_at is None or now - run.ended_at >= GRACE:
        return False
    reported = run.events.aggregate(at=Max("at"))["at"]
    return dt.timedelta() <= now - min(run.ended_at, reported or run.ended_at) < GRACE


def _may_by_custom_role(user_id: int, workspace_id: int) -> bool:
    """Check custom roles: the statement only covers the built-in roles, which nearly everybody has."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    workspace = Workspace.objects.with_path().filter(pk=workspace_id).first()
    return user is not None and workspace is not None and access.can(Actor(user), "submit", workspace)


def _run(user_id: int, workspace_id: int, run_id: str) -> typing.Any:
    """Read the run with everything that decides about its token, with one statement; None if it was deleted."""
    params = [user_id, *_working_roles(), workspace_id, run_id]
    own: typing.Any = next(iter(Run.objects.raw(_statement(), params)), None)
    if own is not None and own.work_id:
        # In the order of the table's columns.
        held = [own.work_id, own.held_state, own.held_attempt]
        own.work = Work.from_db(connection.alias, ["id", "state", "attempt"], held)
    return own


@functools.cache
def _working_roles() -> list[str]:
    """The roles that allow all that a run token can do."""
    return [role for role, verbs in access.VERBS.items() if verbs >= access.READ | access.WORK]


@functools.cache
def _statement() -> str:
    """Plain SQL, because scripts log with thousands of requests and the ORM needs longer to build it than SQL to run it."""
    tables: dict[str, type[Model]] = {
        "run": Run,
        "work": Work,
        "workspace": Workspace,
        "grp": ResourceGroup,
        "person": User,
        "role": RoleAssignment,
        "member": UserGroup.members.through,
    }
    t = {name: f'"{model._meta.db_table}"' for name, model in tables.items()}
    columns = ["id", "workspace_id", "experiment_id", "run_id", "parent_id", "root_id", "status", "ended_at"]
    marks = ", ".join(["%s"] * len(_working_roles()))
    return f"""
SELECT {", ".join(f"r.{column}" for column in columns)}, r.heartbeat_at, r.work_id,
  h.attempt AS held_attempt, h.state AS held_state,
  EXISTS (SELECT 1 FROM {t["person"]} p WHERE p.id = %s AND p.is_active AND (p.is_superuser OR EXISTS (
    SELECT 1 FROM {t["role"]} a WHERE a.custom_role_id IS NULL AND a.role IN ({marks})
      AND (a.user_id = p.id OR a.group_id IN (SELECT m.usergroup_id FROM {t["member"]} m WHERE m.user_id = p.id))
      AND (a.workspace_id = w.id
      OR a.resource_group_id = w.resource_group_id OR a.subscription_id = g.subscription_id)))) AS submitter_may
FROM {t["run"]} r JOIN {t["workspace"]} w ON w.id = r.workspace_id JOIN {t["grp"]} g ON g.id = w.resource_group_id
LEFT JOIN {t["work"]} h ON h.id = r.work_id
WHERE r.workspace_id = %s AND r.run_id = %s AND r.deleted_at IS NULL"""


def check_heartbeat(actor: Actor, run) -> None:
    """A run with its own runner sends its own heartbeats."""
    if actor.is_run and run.pk != actor.run.pk and run.work_id:
        raise Denied(f"The run {run.run_id} has its own runner, which sends its heartbeats.")


def is_made_by(actor: Actor, row) -> bool:
    """Whether this run's token, or that of a descendant, created the model or version. People may change all."""
    if not actor.is_run or row.made_by_run == actor.run_id:
        return True
    runs = Run.objects.filter(workspace=actor.workspace_id, run_id=row.made_by_run)
    return bool(row.made_by_run) and runs.filter(filter_below(actor)).exists()


def check_made(actor: Actor, row) -> None:
    if not is_made_by(actor, row):
        raise Denied(
            f"{row} was not made by the run {actor.run_id}, so its token may not change it; use a personal token."
        )
