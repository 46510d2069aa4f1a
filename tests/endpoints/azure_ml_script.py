"""What a user of azure-ai-ml writes, run with the unmodified package: prints what happened as JSON."""

import json
import os
import pathlib
import sys
import tempfile

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Data,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
)
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

SCORE = """
import json, os
def init():
    if os.environ.get("BROKEN"):
        raise ValueError("no weights")
    print("the level is", os.environ.get("LEVEL"))
    for folder, _, names in os.walk(os.environ["AZUREML_MODEL_DIR"]):
        for name in names:
            print("model file:", os.path.relpath(os.path.join(folder, name), os.environ["AZUREML_MODEL_DIR"]))
def run(raw_data):
    return {"level": os.environ.get("LEVEL"), "sum": sum(json.loads(raw_data)["data"])}
"""


def drive_assets(client, folder: pathlib.Path) -> dict:
    """Uploads data and a model to the workspace's store, and downloads the model."""
    source, seen = folder / "source", {}
    (source / "deep").mkdir(parents=True)
    (source / "a.csv").write_text("x\n1\n")
    (source / "deep" / "b.csv").write_text("x\n2\n")
    # More than the storage client sends in one request.
    (source / "large.bin").write_bytes(os.urandom(1024) * 70 * 1024)
    made = client.data.create_or_update(Data(name="sent", path=str(source), type="uri_folder", description="by v2"))
    seen["data"] = [made.name, made.version, made.type, "datastores/workspaceblobstore/paths/LocalUpload/" in made.path]
    seen["versions"] = [one.version for one in client.data.list(name="sent")]
    model = client.models.create_or_update(Model(name="sent", path=str(source), type="custom_model", tags={"a": "b"}))
    seen["model"] = [model.name, model.version, model.type, model.tags]
    client.models.download("sent", "1", download_path=str(folder / "down"))
    found = sorted(path for path in (folder / "down").rglob("*") if path.is_file())
    seen["files"] = [path.name for path in found]
    seen["same"] = all(path.read_bytes() == next(source.rglob(path.name)).read_bytes() for path in found)
    seen["stores"] = sorted(store.name for store in client.datastores.list())
    seen["default"] = client.datastores.get_default().name
    client.models.archive("sent", "1")
    seen["archived"] = [one.version for one in client.models.list(name="sent")]
    return seen


class Credential:
    def get_token(self, *scopes, **options):
        return AccessToken(os.environ["LAZULI_TOKEN"], 4_000_000_000)


def drive(folder: pathlib.Path) -> dict:
    subscription, group, workspace = sys.argv[1:4]
    client = MLClient(Credential(), subscription, group, workspace, enable_telemetry=False)
    endpoints, deployments, seen = client.online_endpoints, client.online_deployments, {}
    seen["assets"] = drive_assets(client, folder)
    made = endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="live", auth_mode="key", tags={"a": "b"})
    ).result()
    seen["made"] = [made.name, made.provisioning_state, made.auth_mode, made.tags]
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    (folder / "request.json").write_text('{"data": [1, 2]}')

    def deployment(name, model=None, **variables):
        return ManagedOnlineDeployment(
            name=name,
            endpoint_name="live",
            code_configuration=CodeConfiguration(code=str(folder / "code"), scoring_script="score.py"),
            environment="azureml:present-python:1",
            model=model,
            instance_type="Standard_DS3_v2",
            instance_count=1,
            environment_variables=variables,
            request_settings=OnlineRequestSettings(request_timeout_ms=5000, max_concurrent_requests_per_instance=2),
            liveness_probe=ProbeSettings(period=10),
            app_insights_enabled=True,
        )

    blue = deployments.begin_create_or_update(deployment("blue", LEVEL="one")).result()
    seen["blue"] = [blue.name, blue.provisioning_state, blue.instance_count, blue.request_settings.request_timeout_ms]
    weights = folder / "weights"
    weights.mkdir()
    (weights / "weights.txt").write_text("0.5")
    deployments.begin_create_or_update(deployment("green", Model(path=str(weights)), LEVEL="two")).result()
    made.traffic = {"blue": 100}
    made.mirror_traffic = {"green": 50}
    endpoints.begin_create_or_update(made).result()
    found = endpoints.get("live")
    seen["traffic"] = [found.traffic, found.mirror_traffic]
    request = str(folder / "request.json")
    seen["answers"] = [
        json.loads(endpoints.invoke("live", request_file=request)),
        json.loads(endpoints.invoke("live", deployment_name="green", request_file=request)),
    ]
    try:
        deployments.begin_create_or_update(deployment("red", BROKEN="1")).result()
    except HttpResponseError as error:
        seen["failure"] = str(error)
    seen["log"] = deployments.get_logs("blue", "live", lines=100)
    seen["model"] = [deployments.get("green", "live").model, deployments.get_logs("green", "live", lines=100)]
    before = endpoints.get_keys("live").primary_key
    endpoints.begin_regenerate_keys("live", key_type="primary").result()
    seen["key"] = before != endpoints.get_keys("live").primary_key
    seen["names"] = [sorted(one.name for one in deployments.list("live")), [one.name for one in endpoints.list()]]
    seen["environment"] = client.environments.create_or_update(
        Environment(image="mcr.microsoft.com/azureml/base", conda_file={"dependencies": ["python=3.11"]}, name="fresh")
    ).version
    deployments.begin_delete("red", "live").result()
    endpoints.begin_delete("live").result()
    seen["left"] = [one.name for one in endpoints.list()]
    return seen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print("RESULT" + json.dumps(drive(pathlib.Path(name))))
