"""Online endpoints of Azure's v2 over REST: what its clients send and read, what is refused, and what has no effect."""

import io
import uuid
import zipfile

import pytest

from endpoints.models import Endpoint
from runs.files import snapshots
from tests import factories
from tests.endpoints.conftest import SCORE

LIVE = {"properties": {"authMode": "Key", "description": "", "traffic": {}}, "tags": {}}


@pytest.fixture
def code(workspace, alice):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("score.py", SCORE)
    stored = snapshots.store_snapshot(workspace, alice, str(uuid.uuid4()), "", [archive.getvalue()])
    return {"codeId": f"{workspace.arm_id}/codes/{stored.snapshot_id}/versions/1", "scoringScript": "score.py"}


@pytest.fixture
def e(w, api, alice, size):
    """The address of an online endpoint that exists."""
    assert api(alice).put(f"{w}/onlineEndpoints/live", LIVE).status_code == 201
    return f"{w}/onlineEndpoints/live"


def deployment(code, capacity=1, **properties):
    properties = {"endpointComputeType": "Managed", "codeConfiguration": code, **properties}
    return {
        "location": "eastus",
        "tags": {"a": "b"},
        "sku": {"name": "Default", "capacity": capacity},
        "properties": properties,
    }


def test_an_endpoint_is_created_changed_and_deleted(e, w, api, alice, bob, mallory):
    client = api(alice)
    made = client.get(e).json()
    assert made["id"] == e and made["kind"] == "Managed" and made["identity"] == {"type": "SystemAssigned"}
    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["scoringUri"].endswith("/api/v1/service/aml-workspace/live/score")
    changed = client.put(e, {"properties": {"description": "for all"}, "tags": {"a": "b"}})
    assert (changed.status_code, changed.json()["tags"]) == (200, {"a": "b"})
    assert [one["name"] for one in client.get(f"{w}/onlineEndpoints").json()["value"]] == ["live"]
    keys = client.post(f"{e}/listKeys", {}).json()
    # Azure's client sends the key that is to be replaced.
    body = {"keyType": "Primary", "keyValue": keys["primaryKey"]}
    assert client.post(f"{e}/regenerateKeys", body).status_code == 200
    after = client.post(f"{e}/listKeys", {}).json()
    assert after["primaryKey"] != keys["primaryKey"] and after["secondaryKey"] == keys["secondaryKey"]
    client.post(f"{e}/regenerateKeys", {"keyType": "secondary", "keyValue": "my own key"})
    assert client.post(f"{e}/listKeys", {}).json()["secondaryKey"] == "my own key"
    assert client.put(e, {"properties": {"authMode": "AMLToken"}}).json()["properties"]["authMode"] == "AMLToken"
    assert client.post(f"{e}/listKeys", {}).status_code == 409
    token = client.post(f"{e}/token", {}).json()
    assert Endpoint.objects.get(name="live").accepts(token["accessToken"])
    assert token["expiryTimeUtc"] - token["refreshAfterTimeUtc"] == 3600
    assert api(bob).get(e).status_code == 200 and api(bob).delete(e).status_code == 403
    assert api(mallory).get(e).status_code == 404 and client.post(e, {}).status_code == 405
    assert client.delete(e).status_code == 200 and client.get(e).status_code == 404


def test_deployments_are_created_replaced_scaled_and_deleted(e, api, alice, code, run_replica):
    client, blue = api(alice), f"{e}/deployments/blue"
    variables = {"LEVEL": "high"}
    sent = deployment(
        code, environmentVariables=variables, livenessProbe={"period": "PT10S"}, instanceType="Standard_F2s_v2"
    )
    sent["properties"]["requestSettings"] = {"requestTimeout": "PT1M0.5S", "maxConcurrentRequestsPerInstance": 3}
    made = client.put(f"{blue}?api-version=2023-04-01-preview", sent)
    operation = made.headers["Azure-AsyncOperation"].replace("http://127.0.0.1:8000", "")
    assert (made.status_code, made.headers["Retry-After"]) == (201, "1"), made.json()
    assert client.get(operation).json()["status"] == "InProgress"
    revision = Endpoint.objects.get(name="live.blue").newest
    assert (revision.settings["concurrency"], revision.settings["timeoutSeconds"]) == (3, 60.5)
    assert revision.environment["environmentVariables"]["LEVEL"] == "high"
    run_replica()
    assert client.get(operation).json()["status"] == "Succeeded"
    read = client.get(blue).json()
    assert read["sku"]["capacity"] == 1 and read["properties"]["provisioningState"] == "Succeeded"
    for name in ("environmentVariables", "livenessProbe", "instanceType", "codeConfiguration", "requestSettings"):
        assert read["properties"][name] == sent["properties"][name], name
    collector = {"collections": {"model_inputs": {"dataCollectionMode": "Enabled"}}}
    assert not Endpoint.objects.get(name="live").collects_data
    log = client.post(f"{blue}/getLogs", {"tail": 2}).json()["content"]
    assert "instanceType has no effect" in log and "livenessProbe has no effect" in log

    again = client.put(blue, {**sent, "sku": {"capacity": 2}})
    assert again.status_code == 200 and "Azure-AsyncOperation" not in again.headers
    assert Endpoint.objects.get(name="live.blue").revisions.get().max_replicas == 2
    client.put(blue, deployment(code, environmentVariables={"LEVEL": "low"}, dataCollector=collector))
    assert Endpoint.objects.get(name="live").collects_data
    assert Endpoint.objects.get(name="live.blue").newest.number == 2
    assert [one["name"] for one in client.get(f"{e}/deployments").json()["value"]] == ["blue"]
    assert client.delete(blue).status_code == 200 and client.get(blue).status_code == 404


def test_a_failed_deployment_says_why(e, api, alice, code):
    client = api(alice)
    operation = client.put(f"{e}/deployments/blue", deployment(code)).headers["Azure-AsyncOperation"]
    Endpoint.objects.get(name="live.blue").newest.fail("ValueError: no weights")
    found = client.get(operation.replace("http://127.0.0.1:8000", "")).json()
    assert found["status"] == "Failed" and found["error"]["message"] == "ValueError: no weights"
    assert client.get(f"{e}/deployments/blue").json()["properties"]["provisioningState"] == "Failed"


def test_traffic_is_what_was_sent_and_can_be_mirrored(e, api, alice, code):
    client = api(alice)
    for name in ("blue", "green"):
        client.put(f"{e}/deployments/{name}", deployment(code))
    assert client.get(e).json()["properties"]["traffic"] == {}

    def divide(traffic, mirrored=None):
        return client.put(e, {"properties": {"traffic": traffic, "mirrorTraffic": mirrored}})

    assert divide({"blue": 100}, {"green": 10}).json()["properties"]["mirrorTraffic"] == {"green": 10}
    for traffic, mirrored, words in [
        ({"blue": 90}, None, "adds up to 90: blue 90, green 0. It must be 100, or 0"),
        ({"red": 100}, None, "There is no version 'red'"),
        ({"blue": 100}, {"blue": 10}, "traffic or copies, not both"),
        ({"blue": 100}, {"green": 60}, "from 0 to 50"),
        ({}, {"green": 10, "blue": 10}, "Only one version"),
    ]:
        refused = divide(traffic, mirrored)
        assert refused.status_code == 400 and words in refused.json()["error"]["message"], (traffic, mirrored)
    refused = client.delete(f"{e}/deployments/blue")
    assert refused.status_code == 409 and "Set its traffic to 0 first" in refused.json()["error"]["message"]
    assert divide({"blue": 90, "green": 10}, {}).status_code == 200
    assert divide({"green": 0, "blue": 0}).status_code == 200
    assert client.delete(f"{e}/deployments/blue").status_code == 200


def test_what_cannot_be_done_is_refused(e, w, api, alice, code, workspace):
    client = api(alice)
    factories.make_target(workspace, "k8s")
    for properties, words in [
        ({"authMode": "AADToken"}, "Key or AMLToken or None"),
        ({"traffic": {"blue": 100}}, "no deployments yet"),
        ({"compute": "nowhere"}, "no compute cluster 'nowhere'"),
    ]:
        refused = client.put(f"{w}/onlineEndpoints/fresh", {"properties": properties})
        assert refused.status_code == 400 and words in refused.json()["error"]["message"], properties
    for properties, words in [
        ({"modelMountPath": "/models"}, "AZUREML_MODEL_DIR"),
        ({"endpointComputeType": "Kubernetes"}, "deployments of the kind Managed"),
        ({"model": "azureml:none:1"}, "no model 'azureml:none:1'"),
        ({"requestSettings": {"requestTimeout": "5"}}, "such as PT5S"),
        ({"codeConfiguration": None}, "exactly one MLflow model"),
        ({"environmentVariables": {"LD_PRELOAD": "x"}}, "set by the studio"),
    ]:
        refused = client.put(f"{e}/deployments/blue", deployment(code, **properties))
        assert refused.status_code == 400 and words in refused.json()["error"]["message"], properties
    assert not Endpoint.objects.filter(name="live.blue").exists()
    Endpoint.create(workspace, alice, "plain")
    assert client.put(f"{w}/onlineEndpoints/plain", LIVE).status_code == 409
    assert client.get(f"{w}/onlineEndpoints/plain").status_code == 404


def test_a_kubernetes_endpoint_runs_on_its_cluster(w, api, alice, code, workspace, django_assert_max_num_queries):
    factories.make_target(workspace, "k8s")
    client, e = api(alice), f"{w}/onlineEndpoints/far"
    made = client.put(e, {"properties": {"compute": f"{w}/computes/k8s"}}).json()
    assert made["kind"] == "K8S" and made["properties"]["compute"] == f"{w}/computes/k8s"
    scale = {"scaleType": "TargetUtilization", "minInstances": 0, "maxInstances": 4, "targetUtilizationPercentage": 50}
    for name in ("blue", "green", "red"):
        sent = deployment(code, endpointComputeType="Kubernetes", scaleSettings=scale)
        assert client.put(f"{e}/deployments/{name}", sent).status_code == 201
    revision = Endpoint.objects.get(name="far.blue").newest
    assert (revision.target.name, revision.min_replicas, revision.max_replicas) == ("k8s", 0, 4)
    assert "targetUtilizationPercentage has no effect: replicas are added above 70 %" in revision.log
    with django_assert_max_num_queries(28):
        rows = client.get(f"{e}/deployments").json()["value"]
    assert {one["properties"]["scaleSettings"]["maxInstances"] for one in rows} == {4}
    assert client.put(e, LIVE).status_code == 409
