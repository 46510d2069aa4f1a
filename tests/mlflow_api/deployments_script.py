"""`mlflow.deployments` with a workspace as its target: endpoints, deployments, traffic, what is sent to a model."""

import json
import pathlib
import types

import mlflow
import pandas as pd
from azureml.core import Workspace
from azureml.mlflow import _deployment_client
from mlflow.deployments import get_deploy_client
from mlflow.exceptions import MlflowException

ws = Workspace.get("aml-workspace", subscription_id="sub-1", resource_group="aml-resources")
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
client, result = get_deploy_client("azureml"), {}
assert type(get_deploy_client(mlflow.get_tracking_uri())) is type(client)
client.create_endpoint("live", {"tags": {"a": "b"}})
pathlib.Path("deploy.json").write_text(json.dumps({"instance_count": 2, "instance_type": "Standard_DS3_v2"}))
made = client.create_deployment(
    "blue", "models:/doubler/1", config={"deploy-config-file": "deploy.json"}, endpoint="live"
)
result["made"] = [made["name"], made["provisioningState"], made["model"].rpartition("/models/")[2]]
client.update_deployment("blue", "models:/doubler/latest", endpoint="live", config={"instance_count": 1})
client.create_deployment("alone", "models:/doubler/1")
client.update_endpoint("live", {"traffic": {"blue": 100}})
found = client.get_endpoint("live")
result["endpoints"] = [found["traffic"], found["tags"], client.get_endpoint("alone")["traffic"]]
result["names"] = sorted(row["name"] for row in client.list_deployments())
sent = []


def answer(*arguments):
    sent.append(arguments)
    return types.SimpleNamespace(status_code=200, text='{"predictions": [2.0]}')


_deployment_client.services.post_request = answer
prediction = client.predict("blue", pd.DataFrame({"a": [1.0]}), endpoint="live")
client.predict(endpoint="live", inputs={"input_data": [[1]]})
result["predicted"] = [prediction["predictions"], json.loads(sent[0][1]), sent[0][3], sent[1][1], sent[1][3]]
result["key"] = bool(sent[0][2]) and sent[0][0].endswith("/live/score")
try:
    client.create_deployment("red", "models:/doubler/1", config={"colour": 1}, endpoint="live")
except MlflowException as error:
    result["refused"] = str(error)
client.delete_deployment("alone")
client.update_endpoint("live", {"traffic": {}})
client.delete_deployment("blue", endpoint="live")
client.delete_endpoint("live")
result["left"] = client.list_endpoints()
print("RESULT" + json.dumps(result))
