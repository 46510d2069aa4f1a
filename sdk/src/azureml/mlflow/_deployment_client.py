"""`mlflow.deployments.get_deploy_client("azureml")`: endpoints and deployments of a workspace, of MLflow models.

The configuration is Azure's: `{"deploy-config-file": PATH}` or the settings themselves, such as `instance_count`; of an endpoint
`{"endpoint-config-file": PATH}` or `auth_mode`, `traffic` and `mirror_traffic`.
"""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Optional, Set, cast

import mlflow
from lazuli import services
from lazuli.client import quote_segment
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse
from mlflow.exceptions import MlflowException

from azureml.mlflow._workspaces import find_workspace

Json = Dict[str, Any]
SCHEME, FLAVOR = "azureml", "python_function"
AUTH_MODES = {"key": "Key", "aml_token": "AMLToken", "none": "None"}
DEPLOYMENT_SETTINGS = {
    *("instance_type", "instance_count", "environment_variables", "app_insights_enabled", "tags", "properties"),
}
ENDPOINT_SETTINGS = {"auth_mode", "traffic", "mirror_traffic", "tags", "properties", "description", "identity"}
POLL_SECONDS = 1.0


def run_local(name: str, model_uri: str, flavor: Optional[str] = None, config: Optional[Json] = None) -> None:
    raise MlflowException("Models are not served locally by this client: use `mlflow models serve`.")


def target_help() -> str:
    return str(__doc__)


class DeploymentClient(BaseDeploymentClient):  # type: ignore[misc]  # mlflow has no types here
    """The class that mlflow finds under the name `azureml`."""

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        uri = mlflow.get_tracking_uri() if target_uri == SCHEME else target_uri
        self._remote = find_workspace(uri)._remote

    def create_endpoint(self, name: str, config: Optional[Json] = None) -> Json:
        return self._put_endpoint(name, _read_config(config, "endpoint-config-file", ENDPOINT_SETTINGS))

    def update_endpoint(self, endpoint: str, config: Optional[Json] = None) -> Json:
        present = self._read(endpoint)
        properties = present["properties"]
        given = _read_config(config, "endpoint-config-file", ENDPOINT_SETTINGS)
        names = {"traffic": "traffic", "mirror_traffic": "mirrorTraffic", "description": "description"}
        kept = {name: properties[field] for name, field in names.items()}
        kept.update(tags=present["tags"], properties=properties["properties"], auth_mode=properties["authMode"])
        return self._put_endpoint(endpoint, {**kept, **given})

    def delete_endpoint(self, endpoint: str) -> None:
        self._request("DELETE", self._path(endpoint))

    def list_endpoints(self) -> List[Json]:
        return [_flatten(row) for row in self._remote.client.items(self._path())]

    def get_endpoint(self, endpoint: str) -> Json:
        return _flatten(self._read(endpoint))

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: Optional[str] = None,
        config: Optional[Json] = None,
        endpoint: Optional[str] = None,
    ) -> Json:
        """Deploy a model and wait until it answers; without an endpoint, one of the same name gets all its requests."""
        _check_flavor(flavor)
        if endpoint is None:
            self.create_endpoint(name)
        found = self._deploy(endpoint or name, name, model_uri, config)
        if endpoint is None:
            self.update_endpoint(name, {"traffic": {name: 100}})
        return found

    def update_deployment(
        self,
        name: str,
        model_uri: Optional[str] = None,
        flavor: Optional[str] = None,
        config: Optional[Json] = None,
        endpoint: Optional[str] = None,
    ) -> Json:
        _check_flavor(flavor)
        present = self._read(endpoint or name, name)
        return self._deploy(endpoint or name, name, model_uri or present["properties"]["model"], config, present)

    def delete_deployment(self, name: str, config: Optional[Json] = None, endpoint: Optional[str] = None) -> None:
        """Without an endpoint, the endpoint of the same name goes too."""
        _read_config(config, "deploy-config-file", set())
        self._request("DELETE", self._path(endpoint, name) if endpoint else self._path(name))

    def list_deployments(self, endpoint: Optional[str] = None) -> List[Json]:
        names = [endpoint] if endpoint else [row["name"] for row in self.list_endpoints()]
        return [_flatten(row) for one in names for row in self._remote.client.items(f"{self._path(one)}/deployments")]

    def get_deployment(self, name: str, endpoint: Optional[str] = None) -> Json:
        return _flatten(self._read(endpoint or name, name))

    def predict(
        self, deployment_name: Optional[str] = None, inputs: Any = None, endpoint: Optional[str] = None
    ) -> PredictionsResponse:
        """Send a data frame, or the JSON of a request."""
        holder = endpoint or deployment_name
        if not holder:
            raise MlflowException("Give the name of an endpoint.")
        uri = self._read(holder)["properties"]["scoringUri"]
        deployment = deployment_name if endpoint else None
        answer = services.post_request(uri, _make_body(inputs), self._read_key(holder), deployment)
        if answer.status_code != 200:
            raise MlflowException(f"The endpoint {holder} answered {answer.status_code}: {answer.text[:1000]}")
        return PredictionsResponse.from_json(answer.text)

    def _path(self, endpoint: str = "", deployment: str = "") -> str:
        path = f"{self._remote.path}/onlineEndpoints" + (f"/{quote_segment(endpoint)}" if endpoint else "")
        return path + (f"/deployments/{quote_segment(deployment)}" if deployment else "")

    def _request(self, method: str, path: str, body: Optional[Json] = None) -> Json:
        return cast(Json, self._remote.client.request(method, path, json=body).json())

    def _read(self, endpoint: str, deployment: str = "") -> Json:
        return self._request("GET", self._path(endpoint, deployment))

    def _read_key(self, endpoint: str) -> str:
        mode = self._read(endpoint)["properties"]["authMode"]
        if mode == "AMLToken":
            return str(self._request("POST", f"{self._path(endpoint)}/token")["accessToken"])
        return str(self._request("POST", f"{self._path(endpoint)}/listKeys")["primaryKey"]) if mode == "Key" else ""

    def _put_endpoint(self, name: str, given: Json) -> Json:
        mode = str(given.get("auth_mode") or "key")
        properties: Json = {
            "authMode": AUTH_MODES.get(mode.lower(), mode),
            "description": given.get("description") or "",
            "properties": given.get("properties") or {},
        }
        for field, sent in (("traffic", "traffic"), ("mirror_traffic", "mirrorTraffic")):
            if given.get(field) is not None:
                properties[sent] = given[field]
        body = {"tags": given.get("tags") or {}, "properties": properties}
        return _flatten(self._request("PUT", self._path(name), body))

    def _deploy(
        self, endpoint: str, name: str, model_uri: str, config: Optional[Json], present: Optional[Json] = None
    ) -> Json:
        given = _read_config(config, "deploy-config-file", DEPLOYMENT_SETTINGS)
        properties = dict(present["properties"]) if present else {}
        names = {"instance_type": "instanceType", "environment_variables": "environmentVariables"}
        names.update(app_insights_enabled="appInsightsEnabled", properties="properties")
        properties.update({sent: given[field] for field, sent in names.items() if field in given})
        properties["model"] = model_uri if model_uri.startswith("/subscriptions/") else _find_model(model_uri, name)
        capacity = given.get("instance_count", present["sku"]["capacity"] if present else 1)
        tags = given.get("tags", present["tags"] if present else {})
        self._request(
            "PUT", self._path(endpoint, name), {"tags": tags, "sku": {"capacity": capacity}, "properties": properties}
        )
        return self._wait(endpoint, name)

    def _wait(self, endpoint: str, name: str) -> Json:
        while True:
            found = self._read(endpoint, name)
            state = found["properties"]["provisioningState"]
            if state == "Succeeded":
                return _flatten(found)
            if state != "Updating":
                log = self._request("POST", f"{self._path(endpoint, name)}/getLogs", {"tail": 30})["content"]
                raise MlflowException(f"The deployment {name} of {endpoint} is {state}. The end of its log:\n{log}")
            time.sleep(POLL_SECONDS)


def _check_flavor(flavor: Optional[str]) -> None:
    if flavor not in (None, FLAVOR):
        raise MlflowException(f"flavor={flavor!r}: models are served by their flavor {FLAVOR}.")


def _flatten(row: Json) -> Json:
    """Name and properties in one, as mlflow's clients return them."""
    return {"name": row["name"], "id": row["id"], "tags": row["tags"], **row["properties"]}


def _read_config(config: Optional[Json], file_key: str, known: Set[str]) -> Json:
    """The settings, also from the file that they name."""
    given = dict(config or {})
    path = given.pop(file_key, None)
    if path is not None:
        with open(path) as file:
            given = {**json.load(file), **given}
    unknown = sorted(set(given) - known)
    if unknown:
        words = ", ".join(sorted(known)) or "none"
        raise MlflowException(f"There is no setting {unknown[0]!r}. The settings are: {words}.")
    return given


def _find_model(model_uri: str, name: str) -> str:
    """NAME:VERSION of a model; the files of a run are registered under the name of the deployment first."""
    client = mlflow.MlflowClient()
    if not model_uri.startswith("models:/"):
        found = mlflow.register_model(model_uri, name)
        return f"{found.name}:{found.version}"
    text = model_uri[len("models:/") :]
    if "@" in text:
        model, _, alias = text.rpartition("@")
        return f"{model}:{client.get_model_version_by_alias(model, alias).version}"
    model, _, version = text.rpartition("/")
    if version.isdecimal():
        return f"{model}:{version}"
    newest = client.get_latest_versions(model, None if version == "latest" else [version])
    if not newest:
        raise MlflowException(f"There is no version of a model at {model_uri}.")
    return f"{model}:{max(int(one.version) for one in newest)}"


def _make_body(inputs: Any) -> str:
    if hasattr(inputs, "to_dict") and hasattr(inputs, "columns"):
        return f'{{"dataframe_split": {inputs.to_json(orient="split", index=False)}}}'
    return inputs if isinstance(inputs, str) else json.dumps(inputs)
