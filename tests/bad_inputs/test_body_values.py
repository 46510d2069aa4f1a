"""A wrong value is refused wherever it is in a body, and the error names where."""

import json

import pytest

from compute.keys import host_key, node_key
from compute.models import ComputeTarget
from tests import factories
from tests.bad_inputs.apis import WORKSPACE_PATH, H, as_if_never, error_text
from tests.bad_inputs.bodies import JOB

SCALE = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT1M"}
CLUSTER = {"vmSize": "Standard_D2_v2", "vmPriority": "Dedicated", "scaleSettings": SCALE, "subnet": {"id": "s"}}
WORKSPACE = {"friendlyName": "f", "description": "d", "storageAccount": "store", "hbiWorkspace": False}
RUN = {"displayName": "d", "tags": {"a": "b"}, "properties": {"a": "b"}, "parentRunId": "r1", "status": "Running"}
EVENT = {"status": "Failed", "message": "m", "error": {"code": "c", "message": "m"}, "warning": "w", "node": "n"}
MODEL = {
    "modelUri": "https://elsewhere.example/model",
    "modelType": "custom_model",
    "tags": {"a": "b"},
    "properties": {"a": "b"},
    "flavors": {"python_function": {"a": "b"}},
    "framework": "f",
    "datasets": [{"name": "training data", "id": "i"}],
    "resourceRequirements": {"cpu": 1.5, "gpu": 1},
    "stage": "None",
}
DATA = {
    "kind": "tabular",
    "paths": [{"datastore": "workspaceblobstore", "path": "in/*.csv"}],
    "steps": [
        {"type": "read_delimited", "header": 3, "column_types": {"a": {"type": "long"}}},
        {"type": "filter", "expression": {"op": "gt", "of": [{"column": "a"}, {"value": 1}]}},
    ],
}
# What each route takes; every place of it is filled with what does not belong there.
BODIES = {
    "PUT /subscriptions/sub-2": {"displayName": "d"},
    "PUT /subscriptions/sub-1/resourceGroups/fresh": {"location": "eastus", "tags": {"a": "b"}},
    f"PUT {WORKSPACE_PATH[:-13]}fresh-one": {
        "location": "eastus",
        "tags": {},
        "sku": {"name": "Basic"},
        "properties": WORKSPACE,
    },
    f"PUT {WORKSPACE_PATH}/computes/fresh": {
        "location": "eastus",
        "properties": {"computeType": "AmlCompute", "properties": CLUSTER},
    },
    f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster": {
        "tags": {"a": "b"},
        "properties": {"properties": {"scaleSettings": SCALE}},
    },
    f"PUT {WORKSPACE_PATH}/secrets/fresh": {"value": "v", "contentType": "c", "attributes": {"forRuns": True}},
    f"PUT {WORKSPACE_PATH}/environments/fresh/versions/1": {
        "properties": {"image": "i", "condaFile": "", "tags": {"a": "b"}}
    },
    f"PUT {WORKSPACE_PATH}/environments/fresh/versions/auto": {
        "properties": {"definition": JOB["environmentDefinition"]}
    },
    f"PUT {WORKSPACE_PATH}/models/fresh": {"properties": {"description": "d", "tags": {"a": "b"}, "isArchived": True}},
    f"PUT {WORKSPACE_PATH}/models/fresh/versions/auto": {"properties": MODEL},
    f"PUT {WORKSPACE_PATH}/datastores/fresh?skipValidation=true": {
        "properties": {
            "datastoreType": "S3",
            "containerName": "bucket",
            "region": "us-east-1",
            "tags": {"a": "b"},
            "credentials": {
                "credentialsType": "AccessKey",
                "secrets": {"accessKeyId": "a", "secretAccessKey": "b"},
            },
        }
    },
    f"PUT {WORKSPACE_PATH}/data/rows/versions/auto": {"properties": {"definition": DATA, "tags": {"a": "b"}}},
    f"PUT {WORKSPACE_PATH}/data/folder/versions/auto": {
        "properties": {"dataType": "uri_folder", "dataUri": "azureml://datastores/workspaceblobstore/paths/in/"}
    },
    f"PUT {WORKSPACE_PATH}/jobs/fresh": {"properties": JOB},
    f"PATCH {WORKSPACE_PATH}/jobs/r1": {"properties": {"displayName": "d", "tags": {"a": "b"}}},
    f"PUT {H}/experiments/exp/runs/fresh": RUN,
    f"PATCH {H}/experiments/exp": {"name": "exp2", "tags": {"a": "b"}, "archived": True},
    f"PATCH {H}/runs/r1": {"displayName": "d", "removeTags": ["a"], "properties": {"a": "b"}},
    f"POST {H}/runs/r1/events": EVENT,
    f"POST {H}/runs/r1/params": {"parameters": {"a": "b"}},
    f"POST {H}/runs/r1/metrics": {"batchId": "b", "metrics": [{"name": "n", "step": 1, "time": 1, "value": 1}]},
    "POST /login/device": {"clientName": "c"},
    "POST /administration/v1.0/people/owner/deactivate": {"heir": "bob"},
    "POST /administration/v1.0/announcements": {"text": "t", "level": "info", "endsAt": "2100-01-01T00:00:00Z"},
    "POST /nodes/v1/heartbeat": {"state": "idle", "pid": 1, "work": ["x"]},
    "POST /nodes/v1/host": {"cpus": 1, "memoryGB": 1.5, "nodes": [{"name": "n", "pid": 1, "alive": False, "exit": 0}]},
}
UNFIT = [None, True, 2**70, "\ud800", "\0", "x" * 70_000, [[{}]], {"": {"a": [1]}}]


def value_paths(value, way=()):
    yield way
    for step, part in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from value_paths(part, (*way, step))


def filled(value, way: tuple, new):
    if not way:
        return new
    copy = value.copy()
    copy[way[0]] = filled(value[way[0]], way[1:], new)
    return copy


@pytest.fixture
def keys(world):
    node = factories.make_node(ComputeTarget.objects.get())
    return {"/nodes/v1/heartbeat": node_key(node), "/nodes/v1/host": host_key(node.host)}


@pytest.mark.extended
@pytest.mark.parametrize("route", BODIES)
def test_wrong_values_are_refused_with_their_path(world, keys, route):
    method, _, path = route.partition(" ")
    headers = {"Authorization": f"Bearer {keys[path]}"} if path in keys else {}
    for way in value_paths(BODIES[route]):
        for odd in UNFIT:
            body = json.dumps(filled(BODIES[route], way, odd))
            with as_if_never():
                answer = world.generic(method, path, body, "application/json", headers=headers)
            assert answer.status_code < 500, (way, odd, answer.content[:300])
            if answer.status_code in (400, 422):
                error = json.loads(answer.content)["error"]
                assert error["message"] and (error["target"] or not way), (way, odd, error)


@pytest.mark.parametrize("route", [route for route, body in BODIES.items() if "properties" in body])
def test_properties_that_are_no_object_are_not_taken_for_none(world, route):
    method, _, path = route.partition(" ")
    for odd in (5, "x", [], True):
        answer = world.generic(method, path, json.dumps({"properties": odd}), "application/json")
        assert answer.status_code in (400, 422) and "properties" in error_text(answer), (odd, answer.content)


# The row of the catalogue of bad inputs, the route, what is sent, and a word of the refusal.
