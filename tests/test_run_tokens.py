"""A run's token on every route of both APIs: what no longer stands for a run that goes on, and a submitter who may, is no longer valid."""

import datetime as dt
import json
import re
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor
from accounts.authentication import make_run_token
from accounts.models import Token
from assets.data import datasets
from compute import notifications
from mlflow_api.routes import FIXED, PATTERNS, route_template
from registry.models import LoggedModel, Model, ModelVersion, WorkspaceFile
from runs import run_tokens
from runs.models import Run, Snapshot
from runs.run_tokens import RULES, May
from studio import storage
from studio.api import api as the_api
from studio.errors import Denied
from studio.urls import urlpatterns  # noqa: F401  (adds the routers)
from tests import factories
from workspaces.models import CustomRole, Role, Secret

# They take no token of a person or a run: other keys, or nobody's.
OPEN = re.compile(r"/nodes/v1/|/login/device|/discovery/|/metadata/|/signed/")
POINT = {"key": "k", "value": 1, "timestamp": 1, "step": 0}
JOB = {"jobType": "Command", "experimentName": "exp", "command": "true", "computeId": "cpu-cluster"}


def described() -> set[str]:
    """The API's routes as its description tells them."""
    paths = the_api.get_openapi_schema()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if not OPEN.match(path)}


def of_mlflow() -> set[str]:
    fixed = {f"{method} {route}" for method, route in FIXED}
    return fixed | {f"{method} {route_template(pattern)}" for method, pattern, _ in PATTERNS}


def test_every_route_has_its_decision_and_every_decision_its_route():
    assert set(RULES) == described() | of_mlflow() | {"GET /api/openapi.json"}


def test_a_route_without_a_decision_is_closed():
    assert run_tokens.find_rule("GET", "tomorrow/<str:name>") is May.NO


@pytest.fixture
def world(workspace, monkeypatch):
    """A run with a token, "mine", and somebody else's run in another experiment, "other", with models and code of its own."""
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    factories.make_target(workspace, "cpu-cluster")
    factories.make_environment(workspace, "env")
    person = factories.make_user("submitter")
    role = factories.give_role(person, Role.DATA_SCIENTIST, workspace)
    mine = factories.make_run(
        workspace, experiment=factories.make_experiment(workspace, "exp"), run_id="mine", status=Run.Status.RUNNING
    )
    code = Snapshot.objects.create(workspace=workspace, digest="0" * 64, key="code", size=3)
    other = factories.make_run(
        workspace, experiment=factories.make_experiment(workspace, "far"), run_id="other", status=Run.Status.RUNNING
    )
    Run.objects.filter(pk=other.pk).update(snapshot=code)
    for run in (mine, other):
        storage.put_bytes(f"{run.run_id}/a", b"abc")
        run.artifacts.create(path="a.txt", size=3).segments.create(offset=0, size=3, key=f"{run.run_id}/a")
        run.metrics.create(name="loss", kind="scalar")
    model = Model.objects.create(workspace=workspace, name="mod", aliases={"best": 1}, version_count=1)
    ModelVersion.objects.create(workspace=workspace, model=model, number=1, source="runs:/other/model", run=other)
    logged = factories.make_logged_model(other.experiment, run=other, source_run_id="other", name="l", tags={"k": "v"})
    Secret.set(Actor(person), workspace, "hush", "hush hush")
    return World(workspace, person, role, mine, other, code, logged)


class World:
    def __init__(self, workspace, person, role, mine, other, code, logged):
        self.workspace, self.person, self.role = workspace, person, role
        self.mine, self.other, self.code, self.logged = mine, other, code, logged
        self.token = make_run_token(person.pk, workspace.pk, "mine", 0)

    def ask(self, rule: str, run_id: str, token: str = ""):
        """One request to the route, about this run."""
        method, _, route = rule.partition(" ")
        if not route.startswith("/"):
            return self._ask_mlflow(method, route, run_id, token)
        body = self._body(rule, run_id)
        address = self._filled(route, run_id) + "?path=a.txt&hash=00&offset=0&name=loss"
        return self._send(token, method, address, body)

    def _filled(self, route: str, run_id: str) -> str:
        words = {
            "subscription_id": "sub-1",
            "resource_group": "aml-resources",
            "workspace_name": "aml-workspace",
            "location": "eastus",
            "run_id": run_id,
            "version": "1",
            "deployment": "blue",
            "account": "workspaceblobstore.blob.localhost",
            "container": "container",
            "path": "late.bin",
            "upload": "a",
            "number": "1",
            "event": "job_failed",
            "purge_id": "1",
            "request_id": "r1",
            "kind": "people",
            "replay_id": "1",
            "announcement_id": "1",
            "work_id": uuid.UUID(int=0),
            "dataset_id": uuid.UUID(int=0),
            "snapshot_id": self.code.snapshot_id,
        }
        kinds = {
            "computes": "cpu-cluster",
            "environments": "env",
            "jobs": run_id,
            "experiments": "far",
            "secrets": "hush",
            "models": "mod",
            "data": "rows",
            "labelingJobs": "pets",
            "datastores": "workspaceblobstore",
            "services": "scoring",
            "onlineEndpoints": "scoring",
            "codes": "mine",
            "people": "submitter",
            "machines": "big",
            "nodes": "cpu-1",
        }
        for kind, name in kinds.items():
            route = route.replace(f"/{kind}/{{name}}", f"/{kind}/{name}")
        return route.format(**words)

    def _body(self, rule: str, run_id: str):
        if ("/artifacts/" in rule and not rule.endswith("/artifacts/download")) or "/snapshots/" in rule:
            return b"data"
        bodies = {
            "PUT {W}/jobs/{name}": {"properties": {**JOB, "parentRunId": run_id}},
            "PATCH {W}/jobs/{name}": {"properties": {"displayName": "x"}},
            "PUT {H}/experiments/{name}/runs/{run_id}": {"parentRunId": run_id},
            "PUT {W}/datastores/{name}/files": {"files": [{"path": "late", "size": 0}]},
            "POST {W}/datastores/{name}/files/download": {"paths": ["late"]},
            "PUT {V}/files": {"files": [{"path": f"LocalUpload/{run_id}/late", "size": 0}]},
            "POST {V}/models/{name}/versions/{version}/files/download": {"paths": ["a.txt"]},
            "PUT {H}/runs/{run_id}/artifacts": {"files": [{"path": "late", "size": 0}]},
            "POST {H}/runs/{run_id}/artifacts/download": {"paths": ["a.txt"]},
            "PUT {W}/models/{name}": {"properties": {"description": "x"}},
            "PUT {W}/models/{name}/versions/{version}": {"properties": {"modelUri": f"runs:/{run_id}/a.txt"}},
            "PATCH {W}/models/{name}/versions/{version}": {"properties": {"description": "x"}},
            "POST {H}/runs/{run_id}/events": {"status": "Failed"},
            "POST {H}/runs/{run_id}/params": {"parameters": {"a": "b"}},
            "POST {H}/runs/{run_id}/metrics": {"metrics": [{"name": "loss", "value": 1}]},
        }
        for short, long in run_tokens.SHORT.items():
            bodies = {name.replace(short, long): body for name, body in bodies.items()}
        return bodies.get(rule, {})

    def _ask_mlflow(self, method: str, route: str, run_id: str, token: str):
        path = f"far/{run_id}/artifacts/a.txt"
        if "mpu/part" in route:
            path = f"{run_id}/x/1"
        model = {"model_id": self.logged.model_id, "key": "k"}
        base = f"/mlflow/v1.0{self.workspace.arm_id}/ajax-api/2.0/" if route.startswith("mlflow") else None
        base = base or f"/mlflow/v1.0{self.workspace.arm_id}/"
        address = base + route.format(artifact=path, **model)
        fields = self._fields(route, run_id)
        if method in ("GET", "HEAD") or "upload-artifact" in route:
            return self._send(token, method, f"{address}?{fields_as_query(fields)}", b"data")
        return self._send(token, method, address, b"data" if "/artifacts/{" in route else fields)

    def _fields(self, route: str, run_id: str) -> dict:
        fields = {
            **POINT,
            "run_id": run_id,
            "run_uuid": run_id,
            "run_ids": [run_id],
            "metric_key": "loss",
            "path": f"far/{run_id}/artifacts" if route == "mlflow-artifacts/artifacts" else "a.txt",
            "experiment_id": str(self.other.experiment.experiment_id),
            "experiment_ids": [str(self.other.experiment.experiment_id)],
            "name": "mod",
            "new_name": "new",
            "version": "1",
            "deployment": "blue",
            "number": "1",
            "stage": "Production",
            "alias": "best",
            "source": "runs:/other/model",
            "source_run_id": run_id,
            "metrics": [POINT],
            "params": [],
            "models": [{"model_id": self.logged.model_id}],
            "datasets": [],
            "model_json": json.dumps(dict.fromkeys(["artifact_path", "flavors", "utc_time_created", "run_id"])),
            "status": "LOGGED_MODEL_READY" if "logged-models" in route else "FINISHED",
            "num_parts": 1,
            "artifact_path": "a.txt",
            "artifact_file_path": "a.txt",
        }
        if route == "mlflow/runs/create":
            fields["tags"] = [{"key": "mlflow.parentRunId", "value": run_id}]
        if "tags" in route or "tag" in route or route.endswith(("param", "parameter")):
            fields["value"] = "v"
        return fields

    def _send(self, token: str, method: str, address: str, body):
        body = body if isinstance(body, bytes) else json.dumps(body)
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return Client(headers=headers).generic(method, address, body, "application/json")


def fields_as_query(fields: dict) -> str:
    from urllib.parse import urlencode

    return urlencode({name: value for name, value in fields.items() if name != "tags"}, doseq=True)


def end_past_the_grace(world):
    long_ago = timezone.now() - run_tokens.GRACE
    Run.objects.filter(pk=world.mine.pk).update(status=Run.Status.COMPLETED, ended_at=long_ago)


def end_in_time_to_come(world):
    later = timezone.now() + dt.timedelta(days=1)
    Run.objects.filter(pk=world.mine.pk).update(status=Run.Status.COMPLETED, ended_at=later)


def take_the_role(world):
    world.role.delete()


def leave_reading_alone(world):
    type(world.role).objects.filter(pk=world.role.pk).update(role=Role.READER)


def close_the_account(world):
    type(world.person).objects.filter(pk=world.person.pk).update(is_active=False)


def delete_the_run(world):
    Run.objects.filter(pk=world.mine.pk).update(status=Run.Status.FAILED, deleted_at=timezone.now())


SHUT = [end_past_the_grace, end_in_time_to_come, take_the_role, leave_reading_alone, close_the_account, delete_the_run]


@pytest.mark.parametrize("happens", SHUT, ids=lambda act: act.__name__)
def test_a_token_that_is_no_longer_valid_is_refused_at_every_route(world, happens):
    happens(world)
    for rule in RULES:
        answer = world.ask(rule, "mine")
        is_late = happens in (end_past_the_grace, end_in_time_to_come) and RULES[rule] is May.ADD
        assert answer.status_code == (409 if is_late else 401), (rule, answer.status_code, answer.content[:200])
    assert not Run.objects.exclude(run_id__in=["mine", "other"]).exists()


# What tells nothing of a run, or of those alone that the token reaches.
OF_THE_WORKSPACE = re.compile(
    r"GET /subscriptions|GET /login|GET /api/|GET \S+/(environments|usages|vmSizes|jobs|runs|experiments|snapshots|models)$"
    r"|\S+ \S+/workspaces/\{workspace_name\}/(data|datasets|datastores)(/\S*)?$"
    r"|\S+ \S+/experiments/\{name\}(/runs)?$|GET \S+/(workspaces|environments|models)/\S*$|(GET|HEAD|POST) /modelmanagement/"
    r"|\S+ mlflow/(experiments/(get|get-by-name|search|list|search-datasets)|server-info|runs/search)$"
    r"|GET mlflow/metrics/get-history-bulk(-interval)?$|\S+ mlflow/(registered-models|model-versions)/(get|search|get-latest-versions|get-download-uri)$"
    r"|GET mlflow/registered-models/alias$|POST mlflow/logged-models/search|GET mlflow/logged-models/\{model_id\}(/artifacts/directories)?$"
)


@pytest.mark.parametrize("rule", RULES)
def test_a_token_reaches_nothing_of_another_run(world, rule):
    if RULES[rule] is May.READ and OF_THE_WORKSPACE.match(rule):
        assert "other" not in Run.objects.visible_to(actor_of(world)).values_list("run_id", flat=True)
        return
    before = everything(world)
    # A name that is free: what is refused is the model that is there.
    answer = world.ask(rule, "other")
    if (
        rule == "POST mlflow/registered-models/create"
        or rule == "PUT " + run_tokens.SHORT["{C}"] + "/snapshots/{snapshot_id}"
    ):
        assert answer.status_code == 400
    elif rule.endswith(("/jobs/{name}", "/experiments/{name}/runs/{run_id}")) and RULES[rule] is May.MAKE:
        # There is no such run to be a parent.
        assert answer.status_code == 400
    elif "/uploads/" in rule:
        # Pieces of its own, which are nobody's file yet.
        assert answer.status_code == 200
    elif re.search(r"/(data|datasets|datastores)(/|$)|v1.0/subscriptions/.*/files$", rule) and RULES[rule] is May.MAKE:
        # Data and files of the workspace, to which runs add: the file is new, the body of the others is empty.
        assert answer.status_code in (200, 201, 422)
    else:
        assert answer.status_code in (401, 403, 404), (answer.status_code, answer.content[:300])
    assert everything(world) == before


def actor_of(world):
    return run_tokens.authorize_run_token((world.person.pk, world.workspace.pk, "mine", 0), "GET", "/subscriptions")


def everything(world):
    """All that belongs to the other run."""
    rows = [
        Run.objects.filter(run_id="other"),
        Model.objects.all(),
        ModelVersion.objects.all(),
        LoggedModel.objects.all(),
    ]
    rows += [world.other.artifacts, world.other.tag_rows, world.other.parameter_rows, world.other.metrics]
    return [list(found.values()) for found in rows]


@pytest.mark.parametrize("rule", [rule for rule, may in RULES.items() if may is May.NO])
def test_what_is_closed_to_runs_is_closed_to_ones_own(world, rule):
    assert world.ask(rule, "mine").status_code == 403


def test_after_the_end_there_is_a_moment_for_what_the_script_left_behind(world):
    Run.objects.filter(pk=world.mine.pk).update(status=Run.Status.COMPLETED, ended_at=timezone.now())
    for rule, may in RULES.items():
        answer = world.ask(rule, "mine")
        if may is May.NO:
            assert answer.status_code == 403, rule
        elif may in run_tokens.LATE:
            assert answer.status_code != 401, (rule, answer.content[:200])
        else:
            assert answer.status_code == 401, rule
    assert Run.objects.filter(run_id="mine", status=Run.Status.COMPLETED).exists()


def test_it_does_not_depend_on_the_personal_tokens_of_its_submitter(world):
    Token.create_for(world.person, "laptop")
    Token.revoke_all(world.person)
    assert actor_of(world).run_id == "mine"


def test_a_token_does_not_come_back_at_the_time_that_its_script_gave_as_the_end(world, monkeypatch):
    own = factories.make_run(
        world.workspace, experiment=world.mine.experiment, run_id="ml", status=Run.Status.RUNNING, run_type="mlflow"
    )
    token, now = make_run_token(world.person.pk, world.workspace.pk, own.run_id, 0), timezone.now()
    tracking = f"/mlflow/v1.0{world.workspace.arm_id}/api/2.0/mlflow"
    end = round((now + dt.timedelta(hours=1)).timestamp() * 1000)
    ended = {"run_id": own.run_id, "status": "FINISHED", "end_time": end}
    assert world._send(token, "POST", f"{tracking}/runs/update", ended).status_code == 200
    for minutes, status in ((0.5, 200), (2, 401), (60, 401), (60.5, 401)):
        moment = now + dt.timedelta(minutes=minutes)
        monkeypatch.setattr(run_tokens.timezone, "now", lambda moment=moment: moment)
        answer = world._send(token, "GET", f"{tracking}/runs/get?run_id={own.run_id}", {})
        assert answer.status_code == status, minutes


def test_a_child_that_says_it_ends_tomorrow_takes_no_more(world):
    tomorrow = timezone.now() + dt.timedelta(days=1)
    ended = {"status": Run.Status.COMPLETED, "ended_at": tomorrow, "parent": world.mine, "root": world.mine}
    factories.make_run(world.workspace, experiment=world.mine.experiment, run_id="kid", **ended)
    history = f"/history/v1.0{world.workspace.arm_id}/runs/kid"
    answer = world._send(world.token, "POST", f"{history}/metrics", {"metrics": [{"name": "a", "value": 1}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_is_final")


def test_a_run_keeps_models_of_its_own_and_moves_no_other(world):
    def mlflow(method, route, **fields):
        address = f"/mlflow/v1.0{world.workspace.arm_id}/api/2.0/mlflow/{route}"
        return world._send(world.token, method, address, fields)

    assert mlflow("POST", "registered-models/create", name="ours").status_code == 200
    made = mlflow("POST", "model-versions/create", name="ours", source="runs:/mine/model", run_id="mine")
    assert made.json()["model_version"]["version"] == "1"
    assert (
        mlflow("POST", "model-versions/transition-stage", name="ours", version="1", stage="Staging").status_code == 200
    )
    assert mlflow("POST", "registered-models/alias", name="ours", version="1", alias="best").status_code == 200
    # A version of a model that was there is its own, the model and its other versions are not.
    assert mlflow("POST", "model-versions/create", name="mod", source="runs:/mine/model").status_code == 200
    assert mlflow("POST", "registered-models/alias", name="mod", version="2", alias="best").status_code == 403
    ModelVersion.objects.filter(model__name="mod", number=1).update(stage="Production")
    moved = {"name": "mod", "version": "2", "stage": "Production", "archive_existing_versions": True}
    assert mlflow("POST", "model-versions/transition-stage", **moved).status_code == 403
    assert ModelVersion.objects.get(model__name="mod", number=1).stage == "Production"
    for source in (
        "runs:/other/model",
        "models:/mod/1",
        f"models:/{world.logged.model_id}",
        "mlflow-artifacts:/0/other/a",
    ):
        assert mlflow("POST", "model-versions/create", name="ours", source=source).status_code in (403, 404), source
    mine = mlflow("POST", "logged-models", experiment_id=str(world.mine.experiment.experiment_id)).json()["model"][
        "info"
    ]
    assert (
        mlflow("PATCH", f"logged-models/{mine['model_id']}/tags", tags=[{"key": "a", "value": "b"}]).status_code == 200
    )


def test_a_point_for_the_model_of_another_stays_with_the_run(world):
    address = f"/mlflow/v1.0{world.workspace.arm_id}/api/2.0/mlflow/runs/log-metric"
    point = {**POINT, "run_id": "mine", "model_id": world.logged.model_id}
    assert world._send(world.token, "POST", address, point).status_code == 200
    world.logged.refresh_from_db()
    assert world.logged.metrics == [] and world.mine.metrics.filter(name="k").exists()


def test_a_run_is_not_moved_below_another(world):
    address = f"/mlflow/v1.0{world.workspace.arm_id}/api/2.0/mlflow/runs/set-tag"
    beside = factories.make_run(world.workspace, experiment=world.mine.experiment, run_id=uuid.uuid4().hex)
    tag = {"run_id": "mine", "key": "mlflow.parentRunId", "value": beside.run_id}
    world._send(world.token, "POST", address, tag)
    assert Run.objects.get(run_id="mine").parent is None


def test_a_run_submits_children_as_its_submitter_and_nothing_beside_them(world):
    jobs = f"{world.workspace.arm_id}/jobs"
    assert world._send(world.token, "PUT", f"{jobs}/free", {"properties": JOB}).status_code == 403
    below = {"properties": {**JOB, "parentRunId": "mine"}}
    assert world._send(world.token, "PUT", f"{jobs}/kid", below).status_code == 201
    kid = Run.objects.get(run_id="kid")
    assert (kid.made_by, kid.created_by, kid.work.submitted_by) == (world.mine, world.person, world.person)
    assert world._send(world.token, "POST", f"{jobs}/kid/cancel", {}).status_code == 200


def test_a_run_that_is_being_canceled_creates_no_more_children(world):
    Run.objects.filter(pk=world.mine.pk).update(status=Run.Status.CANCEL_REQUESTED)
    arm_id, below = world.workspace.arm_id, {"parentRunId": "mine"}
    in_mlflow = {
        "experiment_id": str(world.mine.experiment.experiment_id),
        "tags": [{"key": "mlflow.parentRunId", "value": "mine"}],
    }
    for method, address, body in (
        ("PUT", f"{arm_id}/jobs/kid", {"properties": {**JOB, **below}}),
        ("PUT", f"/history/v1.0{arm_id}/experiments/exp/runs/kid", below),
        ("POST", f"/mlflow/v1.0{arm_id}/api/2.0/mlflow/runs/create", in_mlflow),
    ):
        answer = world._send(world.token, method, address, body)
        assert answer.status_code == 409 and b"gets no more children" in answer.content, (address, answer.content)
    assert Run.objects.count() == 2


def test_a_run_adds_to_its_parent_but_does_not_steer_it(world):
    parent = factories.make_run(
        world.workspace, experiment=world.mine.experiment, run_id="above", status=Run.Status.RUNNING
    )
    factories.make_run(
        world.workspace, experiment=world.mine.experiment, run_id="beside", status=Run.Status.RUNNING, parent=parent
    )
    Run.objects.filter(pk=world.mine.pk).update(parent=parent, root=parent)
    history = f"/history/v1.0{world.workspace.arm_id}"

    def ask(method, path, body):
        return world._send(world.token, method, f"{history}/{path}", body).status_code

    point = {"metrics": [{"name": "mse", "value": 3295}]}
    assert ask("POST", "runs/above/metrics", point) == 200
    assert ask("PATCH", "runs/above", {"tags": {"best": "LR"}, "properties": {"k": "v"}}) == 200
    assert ask("PUT", "runs/above/artifacts/content?path=from-child.txt", b"data") in (200, 201)
    assert ask("PUT", "experiments/exp/runs/kid", {"parentRunId": "above", "status": "Running"}) == 200
    assert ask("GET", "experiments/exp/runs", {}) == 200
    parent.refresh_from_db()
    assert (parent.tags, parent.properties) == ({"best": "LR"}, {"k": "v"})
    assert parent.metrics.filter(name="mse").exists() and parent.artifacts.filter(path="from-child.txt").exists()
    for method, path, body in (
        ("POST", "runs/above/events", {"status": "Completed"}),
        ("POST", "runs/above/cancel", {}),
        ("POST", "runs/above/token", {}),
        ("DELETE", "runs/above/artifacts/content?path=from-child.txt", {}),
        ("POST", "runs/beside/metrics", point),
        ("PATCH", "runs/beside", {"tags": {"best": "no"}}),
    ):
        assert ask(method, path, body) in (403, 404), path


def test_a_run_registers_no_files_of_others_however_they_are_named(world):
    """Over REST and MLflow's API: files of another run, and a folder with a file of somebody else."""
    storage.put_bytes("k", b"abc")
    for path, maker in (("LocalUpload/a/m.pkl", "mine"), ("LocalUpload/b/m.pkl", "")):
        WorkspaceFile.objects.create(workspace=world.workspace, path=path, size=3, key="k", made_by_run=maker)
    arm_id = world.workspace.arm_id
    for name, source in {
        "azure": "azureml://jobs/other/outputs/artifacts/paths/a.txt",
        "store": "azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.other/a.txt",
        "old": "aml://artifact/ExperimentRun/dcid.other/a.txt",
        "host": "mlflow-artifacts://host/far/other/artifacts/a.txt",
        "folder": "mlflow-artifacts:/LocalUpload",
        "file": "aml://artifact/LocalUpload/b/m.pkl",
    }.items():
        body = {"properties": {"modelUri": source}}
        rest = world._send(world.token, "PUT", f"{arm_id}/models/{name}/versions/1", body)
        world._send(world.token, "PUT", f"{arm_id}/models/{name}", {"properties": {}})
        fields = {"name": name, "source": source}
        mlflow = world._send(world.token, "POST", f"/mlflow/v1.0{arm_id}/api/2.0/mlflow/model-versions/create", fields)
        assert rest.status_code in (400, 403) and mlflow.status_code in (400, 403, 404), (name, rest, mlflow.content)
    body = {"properties": {"modelUri": "mlflow-artifacts:/LocalUpload/a"}}
    assert world._send(world.token, "PUT", f"{arm_id}/models/own/versions/1", body).status_code == 201


def test_a_run_loads_registered_models_and_no_other_files_of_their_runs(world):
    """As MLflow's client does: where are the files, which are there, and each of them."""
    storage.put_bytes("m", b"model")
    world.other.artifacts.create(path="model/MLmodel", size=5).segments.create(offset=0, size=5, key="m")
    mlflow, name = f"/mlflow/v1.0{world.workspace.arm_id}/api/2.0/mlflow", {"name": "mod", "version": "1"}

    def get(address):
        return world._send(world.token, "GET", address, b"")

    uri = get(f"{mlflow}/model-versions/get-download-uri?{fields_as_query(name)}").json()["artifact_uri"]
    assert uri == f"mlflow-artifacts:/{world.other.experiment.experiment_id}/other/artifacts/model"
    folder, proxy = uri.removeprefix("mlflow-artifacts:/"), f"{mlflow}-artifacts/artifacts"
    assert get(f"{proxy}?path={folder}").json()["files"][0]["path"] == "MLmodel"
    assert get(f"{proxy}/{folder}/MLmodel").getvalue() == b"model"
    shown = get(
        f"/mlflow/v1.0{world.workspace.arm_id}/model-versions/get-artifact?{fields_as_query(name)}&path=MLmodel"
    )
    assert shown.getvalue() == b"model"
    beside = folder.removesuffix("/model")
    assert [get(f"{proxy}{rest}").status_code for rest in (f"/{beside}/a.txt", f"?path={beside}")] == [404, 404]


def test_a_run_may_no_more_than_its_submitter(world):
    """A custom role that submits jobs, but edits nothing else."""
    machine_learning = "Microsoft.MachineLearningServices/workspaces"
    actions = ["*/read", *(f"{machine_learning}/{what}" for what in ("jobs/write", "environments/write"))]
    actions.append(f"{machine_learning}/metadata/codes/versions/write")
    custom = CustomRole.objects.create(name="Submitter", actions=actions, assignable_scopes=["/"])
    type(world.role).objects.filter(pk=world.role.pk).update(role=custom.name, custom_role=custom)
    arm_id, definition = world.workspace.arm_id, {"kind": "file", "steps": []}
    definition["paths"] = [{"datastore": "workspaceblobstore", "path": "out"}]
    mlflow, file = f"/mlflow/v1.0{arm_id}/api/2.0/mlflow", f"{arm_id}/datastores/workspaceblobstore/files/content"
    experiment = {"experiment_id": str(world.mine.experiment.experiment_id)}

    def ask(method, address, body):
        return world._send(world.token, method, address, body).status_code

    assert ask("POST", f"{mlflow}/runs/log-metric", {**POINT, "run_id": "mine"}) == 200
    assert ask("POST", f"{mlflow}/logged-models", experiment) == 200
    assert ask("PUT", f"{file}?path=out/a.csv&overwrite=true", b"a") == 201
    for what, answer in {
        "replace a file": ask("PUT", f"{file}?path=out/a.csv&overwrite=true", b"b"),
        "save a dataset": ask("POST", f"{arm_id}/datasets", {"definition": definition}),
        "register data": ask("PUT", f"{arm_id}/data/rows/versions/1", {"properties": {"definition": definition}}),
        "register a model": ask("PUT", f"{arm_id}/models/m", {"properties": {}}),
        "register one with MLflow": ask("POST", f"{mlflow}/registered-models/create", {"name": "m"}),
    }.items():
        assert answer == 403, what
    actor = Actor(world.person, world.workspace.pk, "mine", run=world.mine)
    with pytest.raises(Denied, match="query that no dataset has"):
        datasets.check_query_allowed(actor, world.workspace, {"steps": [{"type": "read_sql", "query": "SELECT 1"}]})
    type(world.role).objects.filter(pk=world.role.pk).update(role=Role.DATA_SCIENTIST, custom_role=None)
    assert ask("PUT", f"{file}?path=out/a.csv&overwrite=true", b"b") == 201
