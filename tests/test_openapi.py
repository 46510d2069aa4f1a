"""The description of the API is true: what routes really answer has the shapes that it tells."""

import json
import re
import uuid

import pytest
from django.test import Client
from django.utils import timezone
from pydantic.json_schema import models_json_schema

from compute import notifications
from compute.keys import host_key, node_key
from studio import storage
from studio.api import W, api
from tests import factories

WORKSPACE_PATH = "/subscriptions/sub-1/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
JOB = {
    "experimentName": "exp",
    "command": "true",
    "computeId": "cpu-cluster",
    "tags": {"a": "b"},
    "kept": {"as": "sent"},
}
CLUSTER = {"vmSize": "Standard_D2_v2", "subnet": {"id": "s"}, "scaleSettings": {"maxNodeCount": 2}}
SERIES = [
    {"name": "loss", "value": 1.5},
    {"name": "loss", "value": "NaN"},
    {"name": "rows", "kind": "table", "rows": [{"a": 1, "b": "x"}]},
    {"name": "curve", "kind": "image", "value": "curve.png"},
]
MODEL = {
    "modelUri": "runs:/r1/user_logs/std_log.txt",
    "tags": {"a": "b"},
    "datasets": [{"name": "training data", "id": "d"}],
    "resourceRequirements": {"cpu": 0.5},
}
DATA = {
    "kind": "file",
    "paths": [{"datastore": "workspaceblobstore", "path": "in/*.csv"}],
    "steps": [{"type": "take", "count": 1}],
}
IMAGES = {"kind": "file", "paths": [{"datastore": "workspaceblobstore", "path": "pets/*.png"}], "steps": []}
BODIES = {"data": DATA, "images": IMAGES, "job": JOB, "cluster": CLUSTER, "series": SERIES, "model": MODEL}
# In this order, for later lines ask for what earlier ones made. {w}, {h}, {c} and {v} begin the addresses of the services.
REQUESTS = """
PUT    /subscriptions/sub-1
GET    /subscriptions
GET    /subscriptions/sub-1
PUT    {g}                                    {"location": "eastus", "tags": {"a": "b"}}
GET    {g}
GET    /subscriptions/sub-1/resourceGroups
PATCH  {w}                                    {"tags": {"a": "b"}, "properties": {"containerRegistry": "registry"}}
GET    {w}
PUT    {w}
GET    /subscriptions/sub-1/providers/{ml}/workspaces
GET    {g}/providers/{ml}/workspaces
POST   {w}/listKeys
GET    {w}/activities
PUT    {w}/secrets/token                      {"value": "hush hush"}
GET    {w}/secrets
GET    {w}/secrets/token
GET    {w}/secrets/token/versions
DELETE {w}/secrets/token
PUT    {g}/providers/{ml}/workspaces/second
DELETE {g}/providers/{ml}/workspaces/second
GET    /subscriptions/sub-1/providers/{ml}/deletedWorkspaces
POST   {g}/providers/{ml}/workspaces/second/restore
GET    /discovery/workspaces/00000000-0000-0000-0000-000000000000
POST   /login/device                          {"clientName": "a terminal"}
GET    /login/whoami
PUT    {w}/computes/cpu-cluster               {"properties": {"properties": $cluster}}
PUT    {w}/computes/cpu-cluster               {"properties": {"properties": $cluster}}
PATCH  {w}/computes/cpu-cluster               {"tags": {"a": "b"}}
GET    {w}/computes
GET    {w}/computes/cpu-cluster
GET    /subscriptions/sub-1/providers/{ml}/locations/eastus/vmSizes
GET    /subscriptions/sub-1/providers/{ml}/locations/eastus/usages
PUT    {w}/environments/env/versions/1        {"properties": {"condaFile": "dependencies: [numpy]", "image": "i", "tags": {"a": "b"}}}
PUT    {w}/environments/env/versions/1        {"properties": {"condaFile": "dependencies: [numpy]", "image": "i", "tags": {"a": "b"}}}
GET    {w}/environments
GET    {w}/environments/env
GET    {w}/environments/env/versions
GET    {w}/environments/env/versions/latest
DELETE {w}/environments/env/versions/1
PUT    {w}/datastores/s3?skipValidation=true  {"properties": {"datastoreType": "S3", "containerName": "bucket", "tags": {"a": "b"}}}
PUT    {w}/datastores/workspaceblobstore/files/content?path=in/a.csv
PUT    {w}/datastores/workspaceblobstore/files {"files": [{"path": "in/empty", "size": 0}]}
PUT    {w}/uploads/a
GET    {w}/uploads/a
DELETE {w}/uploads/a
GET    {w}/datastores
GET    {w}/datastores/s3
GET    {w}/datastores/workspaceblobstore/files?folder=
POST   {w}/datastores/workspaceblobstore/test
POST   {w}/datastores/workspacefilestore/setDefault
DELETE {w}/datastores/workspaceblobstore/files/content?path=in/a.csv
DELETE {w}/datastores/s3
POST   {w}/datasets                           {"definition": $data}
PUT    {w}/data/rows/versions/auto            {"properties": {"definition": $data, "tags": {"a": "b"}}}
PUT    {w}/data/rows/versions/1               {"properties": {"definition": $data, "description": "d"}}
PUT    {w}/data/folder/versions/v1            {"properties": {"dataType": "uri_folder", "dataUri": "azureml://datastores/workspaceblobstore/paths/in/"}}
GET    {w}/data
GET    {w}/data/rows
PUT    {w}/data/rows                          {"properties": {"isArchived": true}}
GET    {w}/data/rows/versions
PUT    {w}/data/rows                          {"properties": {"qualityRules": [{"type": "unique", "column": "id"}]}}
GET    {w}/data/rows/versions/latest
GET    {w}/data/rows/versions/latest/quality
PUT    {w}/datastores/workspaceblobstore/files/content?path=pets/1.png
PUT    {w}/data/pets/versions/auto            {"properties": {"definition": $images}}
PUT    {w}/labelingJobs/pets                  {"properties": {"dataAsset": "pets", "labels": ["cat", "dog"]}}
GET    {w}/labelingJobs
GET    {w}/labelingJobs/pets
PUT    {w}/labelingJobs/pets                  {"properties": {"instructions": "Look."}}
PUT    {w}/labelingJobs/pets/items/1          {"label": "cat"}
GET    {w}/labelingJobs/pets/items
POST   {w}/labelingJobs/pets/exportLabels
DELETE {w}/data/rows/versions/1
DELETE {w}/data/folder
PUT    {w}/jobs/job1                          {"properties": $job}
PUT    {w}/jobs/job1                          {"properties": $job}
NODE   /nodes/v1/heartbeat                    {"pid": 1}
HOST   /nodes/v1/host                         {"cpus": 4}
NODE   /nodes/v1/claim
NODE   /nodes/v1/work/00000000-0000-0000-0000-000000000000/done {"attempt": 7}
PUT    {w}/computes/lab-one                   {"properties": {"computeType": "ComputeInstance", "properties": {"state": "Stopped"}}}
GET    {w}/computes/lab-one
GET    {w}/computes
POST   {w}/computes/lab-one/start
POST   {w}/computes/lab-one/stop
POST   {w}/computes/lab-one/resize {"targetVMSize": "Standard_DS3_v2"}
POST   {w}/computes/lab-one/updateIdleShutdownSetting {"idleTimeBeforeShutdown": "PT30M"}
POST   {w}/computes/lab-one/updateSchedules {"computeStartStop": [{"action": "Stop", "cron": {"expression": "0 18 * * *"}}]}
POST   {w}/computes/cpu-cluster/listNodes
PATCH  {w}/jobs/job1                          {"properties": {"displayName": "d"}}
GET    /notices/v1.0/notifications
GET    /notices/v1.0/preferences
PUT    /notices/v1.0/preferences/job_failed   {"channels": ["bell"]}
PUT    /notices/v1.0/webhook                  {"url": ""}
GET    /notices/v1.0/webhook
GET    /administration/v1.0/people
POST   /administration/v1.0/people/bob/block?dryRun=true
POST   /administration/v1.0/people/bob/endSessions
POST   /administration/v1.0/people/bob/deactivate
POST   /administration/v1.0/people/bob/unblock
GET    /administration/v1.0/queue
GET    /administration/v1.0/queue?state=running
GET    /administration/v1.0/machines
POST   /administration/v1.0/machines/machine/drain
POST   /administration/v1.0/machines/machine/quarantine  {"reason": "Wrong sums"}
POST   /administration/v1.0/machines/machine/reopen
GET    /administration/v1.0/storage
POST   /administration/v1.0/machines/bulk     {"action": "reopen", "names": ["machine"]}
POST   /administration/v1.0/machines/machine/detach
POST   /administration/v1.0/announcements     {"text": "Tonight", "endsAt": "2100-01-01T00:00:00Z"}
GET    /administration/v1.0/announcements
POST   /administration/v1.0/backups
GET    /administration/v1.0/backups
GET    {w}/jobs
GET    {w}/jobs/job1
PUT    {h}/experiments/exp
GET    {h}/experiments
GET    {h}/experiments/exp
PATCH  {h}/experiments/exp                    {"tags": {"a": "b"}}
PUT    {h}/experiments/exp/runs/r1            {"status": "Running", "properties": {"a": "b"}}
PUT    {h}/experiments/exp/runs/child         {"parentRunId": "r1", "runType": "azureml.PipelineRun"}
GET    {h}/experiments/exp/runs
GET    {h}/runs?includeChildren=true
GET    {h}/runs/child
GET    {h}/runs/r1/children
PATCH  {h}/runs/r1                            {"tags": {"a": "b"}}
PATCH  {h}/experiments/exp/runs/r1            {"displayName": "d"}
POST   {h}/runs/r1/params                     {"parameters": {"a": 1}}
POST   {h}/runs/r1/metrics                    {"metrics": $series}
GET    {h}/runs/r1/metrics
GET    {h}/runs/r1/metrics/points?name=loss
PUT    {h}/runs/r1/artifacts/content?path=user_logs/std_log.txt
POST   {h}/runs/r1/artifacts/append?path=logs/a.txt&offset=0
PUT    {h}/runs/r1/artifacts {"files": [{"path": "empty", "size": 0}]}
GET    {h}/runs/r1/artifacts
DELETE {h}/runs/r1/artifacts/content?path=logs/a.txt
GET    {h}/runs/r1/details
GET    {h}/runs/job1/details
POST   {h}/runs/r1/heartbeat
POST   {h}/runs/r1/token
POST   {h}/runs/r1/events                     {"status": "Failed", "error": {"code": "c", "message": "m"}, "warning": "w"}
GET    {h}/runs/r1
PUT    {w}/models/mod                         {"properties": {"tags": {"a": "b"}}}
PUT    {w}/models/mod/versions/auto           {"properties": $model}
PATCH  {w}/models/mod/versions/1              {"properties": {"addAliases": ["champion"]}}
GET    {w}/models
GET    {w}/models/mod
GET    {w}/models/mod/versions
GET    {w}/models/mod/versions/latest
GET    {v}/models?tag=a=b
GET    {v}/models/mod/versions/1/files
GET    {v}/models/mod/versions/1/signature
PATCH  {v}/models/mod/versions/1/signature    {}
PUT    {v}/files {"files": [{"path": "LocalUpload/new/empty", "size": 0}]}
GET    {v}/promotionRequests
GET    {v}/lineage?kind=model&id=mod:1
GET    {v}/services
PUT    {w}/onlineEndpoints/live               {"properties": {"description": "d"}}
PUT    {w}/onlineEndpoints/live               {"properties": {"traffic": {}}}
GET    {w}/onlineEndpoints
GET    /metadata/endpoints
GET    {w}/codes/a/versions
POST   {w}/codes/a/versions/1/startPendingUpload
GET    {w}/codes/00000000-0000-0000-0000-000000000000/versions/1
GET    {w}/onlineEndpoints/live
GET    {w}/onlineEndpoints/live/deployments
POST   {w}/onlineEndpoints/live/listKeys
POST   {w}/onlineEndpoints/live/regenerateKeys {"keyType": "Primary"}
PUT    {w}/onlineEndpoints/live/deployments/blue {"properties": {"codeConfiguration": {"codeId": "00000000-0000-0000-0000-000000000000", "scoringScript": "none.py"}}}
PUT    {w}/onlineEndpoints/live               {"properties": {"authMode": "AMLToken"}}
POST   {w}/onlineEndpoints/live/token
DELETE {w}/onlineEndpoints/live
DELETE {w}/models/mod/versions/1
DELETE {w}/models/mod
POST   {h}/runs/child/cancel
POST   {w}/jobs/job1/cancel
DELETE {h}/runs/r1
GET    {h}/trash/runs
POST   {h}/trash/restore                      {"runIds": ["r1"]}
POST   {h}/runs/job1/events                   {"status": "Canceled"}
GET    {w}/jobs/job1
DELETE {w}/jobs/job1
POST   {h}/trash/purge                        {"runIds": ["job1"]}
GET    /history/v1.0/purges
DELETE {h}/experiments/exp
GET    {h}/trash/experiments
GET    {c}/snapshots?hash=00
GET    {c}/snapshots/00000000-0000-0000-0000-000000000000
DELETE {w}/computes/cpu-cluster
PUT    {w}/environments/env/versions/auto     {"properties": {}}
DELETE {w}/environments/env
DELETE {w}/environments/gone
GET    {h}/runs/nobody
DELETE {g}
"""


def differences(value, shape: dict, where: str):
    """What of the value is not as the description tells it, each with its place."""
    if "$ref" in shape:
        yield from differences(value, SCHEMAS[shape["$ref"].rpartition("/")[2]], where)
    elif "anyOf" in shape:
        tried = [list(differences(value, each, where)) for each in shape["anyOf"]]
        yield from min(tried, key=len)
    elif "type" not in shape:
        return
    elif not is_of(value, shape["type"]):
        yield f"{where} is {value!r} and no {shape['type']}"
    elif isinstance(value, dict):
        yield from differences_of_object(value, shape, where)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from differences(part, shape["items"], f"{where}/{number}")


def is_of(value, kind: str) -> bool:
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    kinds |= {"array": list, "object": dict}
    return isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))


def differences_of_object(value: dict, shape: dict, where: str):
    known, more = shape.get("properties", {}), shape.get("additionalProperties", False)
    yield from (f"{where}/{name} is missing" for name in shape.get("required", []) if name not in value)
    for name, part in value.items():
        if name in known or isinstance(more, dict):
            yield from differences(part, known.get(name, more), f"{where}/{name}")
        elif not more:
            yield f"{where}/{name} is not described"


DESCRIPTION = json.loads(json.dumps(api.get_openapi_schema(), default=str))
SCHEMAS = DESCRIPTION["components"]["schemas"]


def described_answer(method: str, path: str, status: int) -> tuple[str, dict]:
    """The documented answer of the most exact of the routes that could be meant."""
    found = []
    for route, methods in DESCRIPTION["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route))
        if method.lower() in methods and re.fullmatch(pattern, path):
            found.append((route.count("{"), route, methods[method.lower()]))
    _, route, operation = min(found, key=lambda each: (each[0], -len(each[1])))
    return route, operation["responses"].get(str(status), operation["responses"]["default"])


@pytest.fixture
def world(workspace, owner, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    factories.make_user("bob")
    factories.make_host("machine", joined_at=timezone.now())
    token = factories.make_token(owner)
    return lambda who: {"Authorization": f"Bearer {who or token}"}


def lines():
    words = {
        "g": WORKSPACE_PATH.partition("/providers")[0],
        "w": WORKSPACE_PATH,
        "h": f"/history/v1.0{WORKSPACE_PATH}",
        "c": f"/content/v1.0{WORKSPACE_PATH}",
        "v": f"/modelmanagement/v1.0{WORKSPACE_PATH}",
    }
    words["ml"] = "Microsoft.MachineLearningServices"
    for line in REQUESTS.strip().splitlines():
        method, address, body = [*line.split(None, 2), "{}"][:3]
        address = re.sub(r"\{(\w+)\}", lambda match: words[match[1]], address)
        yield method, address, re.sub(r"\$(\w+)", lambda match: json.dumps(BODIES[match[1]]), body)


def test_answers_have_the_shapes_that_are_described(world, workspace):
    files = [{"path": "a.py", "size": 3}]
    workspace.snapshots.create(snapshot_id=uuid.UUID(int=0), digest="00", key="k", size=9, files=files)
    keys, seen = {}, set()
    for method, address, body in lines():
        if method in ("NODE", "HOST") and not keys:
            node = factories.make_node(workspace.compute_targets.get())
            keys = {"NODE": node_key(node), "HOST": host_key(node.host)}
        data = b"data" if "/artifacts/" in address or "/files/" in address else body
        verb = "POST" if method in keys else method
        answer = Client().generic(verb, address, data, "application/json", headers=world(keys.get(method)))
        route, reply = described_answer(verb, address.partition("?")[0], answer.status_code)
        found = list(differences(answer.json(), reply["content"]["application/json"]["schema"], route.replace(W, "")))
        assert not found, (method, address, answer.status_code, found)
        if answer.status_code < 400:
            seen.add((verb, route))
    undone = {(method.upper(), route) for route, methods in DESCRIPTION["paths"].items() for method in methods} - seen
    assert {f"{method} {route.replace(W, '')}" for method, route in undone} == NOT_REQUESTED


# Bytes; what needs a zip, a browser or a purge, and what answers as its neighbour does. Each has a test of its own.
NOT_REQUESTED = {
    "PATCH /subscriptions/{subscription_id}",
    "DELETE /subscriptions/{subscription_id}",
    "POST /subscriptions/{subscription_id}/resourceGroups/{resource_group}/move",
    "POST /administration/v1.0/nodes/{name}/drain",
    "POST /administration/v1.0/storage/sweep",
    "GET /administration/v1.0/health",
    "POST /administration/v1.0/requests/{request_id}/undo",
    "GET /modelmanagement/v1.0/models/{name}/versions/{version}/files/content",
    "HEAD /modelmanagement/v1.0/models/{name}/versions/{version}/files/content",
    "POST /modelmanagement/v1.0/models/{name}/versions/{version}/files/download",
    "POST /modelmanagement/v1.0/models/{name}/versions/{version}/promotionRequests",
    "PATCH /modelmanagement/v1.0/promotionRequests/{number}",
    "GET /datasets/{dataset_id}",
    "POST /datasets/rows",
    "GET /datastores/{name}/files/content",
    "HEAD /datastores/{name}/files/content",
    "POST /datastores/{name}/files/download",
    "POST /datastores/{name}/listSecrets",
    "GET /history/v1.0/runs/{run_id}/artifacts/content",
    "HEAD /history/v1.0/runs/{run_id}/artifacts/content",
    "POST /history/v1.0/runs/{run_id}/artifacts/download",
    "GET /content/v1.0/snapshots/{snapshot_id}/zip",
    "PUT /content/v1.0/snapshots/{snapshot_id}",
    "POST /login/device/token",
    "GET /history/v1.0/purges/{purge_id}",
    "POST /administration/v1.0/queue/{work_id}/moveToFront",
    "POST /administration/v1.0/queue/{work_id}/move",
    "POST /administration/v1.0/queue/{work_id}/cancel",
    "POST /administration/v1.0/announcements/{announcement_id}/end",
    "GET /nodes/v1/host",
    "GET /nodes/v1/join",
    "POST /nodes/v1/join",
    "POST /nodes/v1/host/leave",
    "POST /nodes/v1/gateway/enter",
    "POST /nodes/v1/gateway/authorize",
    "POST /nodes/v1/gateway/host",
    "POST /computes/{name}/restart",
    "POST /nodes/v1/work/{work_id}/done",
    "POST /nodes/v1/work/{work_id}/alive",
    "POST /nodes/v1/work/{work_id}/peers",
    "GET /modelmanagement/v1.0/services/{name}",
    "PUT /modelmanagement/v1.0/services/{name}",
    "PATCH /modelmanagement/v1.0/services/{name}",
    "DELETE /modelmanagement/v1.0/services/{name}",
    "POST /modelmanagement/v1.0/services/{name}/listkeys",
    "POST /modelmanagement/v1.0/services/{name}/regenerateKeys",
    "POST /modelmanagement/v1.0/services/{name}/token",
    "GET /modelmanagement/v1.0/services/{name}/logs",
    "POST /modelmanagement/v1.0/services/{name}/replays",
    "GET /modelmanagement/v1.0/services/{name}/replays/{replay_id}",
    "GET /modelmanagement/v1.0/services/{name}/alerts",
    "PUT /modelmanagement/v1.0/services/{name}/alerts",
    "GET /modelmanagement/v1.0/services/{name}/guard",
    "PUT /modelmanagement/v1.0/services/{name}/guard",
    "GET /modelmanagement/v1.0/services/{name}/requests/{request_id}",
    "PUT /codes/{name}/versions/{version}",
    "GET /datastores/{name}/blobs/{account}/{container}",
    "GET /datastores/{name}/blobs/{account}/{container}/{path}",
    "HEAD /datastores/{name}/blobs/{account}/{container}/{path}",
    "PUT /datastores/{name}/blobs/{account}/{container}/{path}",
    "HEAD /signed/code/{upload_id}/{path}",
    "PUT /signed/code/{upload_id}/{path}",
    "GET /onlineEndpoints/{name}/deployments/{deployment}",
    "PUT /onlineEndpoints/{name}/deployments/{deployment}",
    "DELETE /onlineEndpoints/{name}/deployments/{deployment}",
    "GET /onlineEndpoints/{name}/deployments/{deployment}/operations/{number}",
    "POST /onlineEndpoints/{name}/deployments/{deployment}/getLogs",
    "GET /nodes/v1/services/plan",
    "GET /nodes/v1/services/code",
    "GET /nodes/v1/services/models/{name}/{number}",
    "POST /nodes/v1/services/report",
    "POST /nodes/v1/services/authorize",
    "POST /nodes/v1/services/load",
}


@pytest.mark.parametrize(("path", "methods"), DESCRIPTION["paths"].items(), ids=list(DESCRIPTION["paths"]))
def test_every_route_says_what_it_answers(path, methods):
    for method, described in methods.items():
        good = [answer for status, answer in described["responses"].items() if status.startswith("2")]
        assert good and all(answer.get("content") or answer["description"] == "No Content" for answer in good), method
        assert described["responses"]["default"]
        # A class of `resources.py`, by its name.
        schemas = [
            content["schema"]
            for answer in good
            for kind, content in answer.get("content", {}).items()
            if "json" in kind
        ]
        assert all("$ref" in schema for schema in schemas), method


def test_what_a_job_was_sent_with_comes_back(world, workspace):
    factories.make_target(workspace, "cpu-cluster")
    answer = Client().generic(
        "PUT", f"{WORKSPACE_PATH}/jobs/j", json.dumps({"properties": JOB}), "application/json", headers=world(None)
    )
    assert answer.json()["properties"]["kept"] == {"as": "sent"}


def test_a_name_in_the_description_is_of_one_class():
    """ninja merges the classes of all routes by their names; pydantic writes the module before a name that two of them have."""
    models = {
        model
        for router in [api.default_router, *(router for _, router in api._routers)]
        for path in router.path_operations.values()
        for operation in path.operations
        for model in [*operation.models, *operation.response_models.values()]
        if isinstance(model, type)
    }
    modes = {"NinjaResponseSchema": "serialization", "BodyParams": "validation"}
    keys = [(model, modes[model.__name__]) for model in models if model.__name__ in modes]
    _, schema = models_json_schema(keys)
    assert len(keys) > 50
    assert [name for name in schema["$defs"] if "__" in name and not any(wrapper in name for wrapper in modes)] == []
