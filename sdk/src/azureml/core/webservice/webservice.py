"""`Webservice`: a deployed service, the base of all kinds."""

from __future__ import annotations

import json
import re
import time
import warnings
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple, Type

from lazuli import services
from lazuli.console import print_text
from lazuli.errors import NotAvailable, NotFound, ServiceException

from azureml import _absent
from azureml.exceptions import UserErrorException, WebserviceException

Json = Dict[str, Any]
ABSENT = "container images"
# Settings of a deployment without effect here, which almost every script gives.
UNUSED = ("cpu_cores", "memory_gb", "location")
NAME = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
# A deployment that takes long is asked for less often.
MIN_POLL_SECONDS, MAX_POLL_SECONDS, POLL_SHARE = 0.05, 0.25, 0.1
# The classes of deployed services, by their compute type.
KINDS: Dict[str, Type[Any]] = {}
# In KINDS: a service whose requests are divided between versions.
VERSIONED = "AKSENDPOINT"
TIPS = (
    "Tips: You can try get_logs(): https://aka.ms/debugimage#dockerlog or local deployment: "
    "https://aka.ms/debugimage#debug-locally to debug if deployment takes longer than 10 minutes."
)


class Webservice(ABC):
    """The service with this name, as an object of the class of its kind."""

    _webservice_type = "Webservice"

    def __new__(cls, workspace: Any, name: str, *args: Any, **kwargs: Any) -> Webservice:
        if cls is not Webservice:
            return object.__new__(cls)
        found = _get(workspace, name)
        service: Webservice = object.__new__(_kind_of(found))
        service._found = found
        return service

    def __init__(self, workspace: Any, name: str):
        self.workspace = workspace
        self.name = name
        # `__new__` has read it, if it had to find the class.
        found = self.__dict__.pop("_found", None)
        self._update_from(found or _get(workspace, name))

    def _update_from(self, found: Json) -> None:
        self._found = found
        self.state: str = (
            found["state"] if found["operationState"] != "Failed" or found["currentRevision"] else "Failed"
        )
        self.description = found["description"] or None
        self.tags: Dict[str, str] = dict(found["tags"])
        self.properties: Dict[str, str] = dict(found["properties"])
        self.auth_enabled: bool = found["authEnabled"]
        self.token_auth_enabled: bool = found["tokenAuthEnabled"]
        self.enable_app_insights: bool = found["appInsightsEnabled"]
        self.collect_model_data: bool = found["collectModelData"]
        self.compute_type: str = found["computeType"]
        self.scoring_uri: Optional[str] = found["scoringUri"]
        self.swagger_uri: Optional[str] = found["swaggerUri"]
        self.created_by = found["createdBy"]
        self.created_time = found["createdTime"]
        self.updated_time = found["updatedTime"]
        self.error = {"code": "DeploymentFailed", "message": found["error"]} if found["error"] else None
        self.image: Any = None
        self.image_id: Any = None
        self.image_digest: Any = None
        newest = found["newest"] or {}
        self.models: List[str] = newest.get("models") or []
        self.environment: Any = newest.get("environmentName")

    # ---- finding and deploying

    @staticmethod
    def list(
        workspace: Any,
        compute_type: Optional[str] = None,
        image_name: Optional[str] = None,
        image_id: Optional[str] = None,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        image_digest: Optional[str] = None,
    ) -> List[Webservice]:
        """The services of the workspace, by name."""
        if image_name or image_id or image_digest:
            raise NotAvailable(ABSENT, "Webservice.list(image_name=…)")
        found = []
        for resource in services.list_services(workspace._remote):
            service = _make(workspace, resource)
            names = [reference.rpartition(":")[0] for reference in service.models]
            fits = (
                (compute_type is None or service.compute_type.lower() == compute_type.lower())
                and (model_name is None or model_name in names)
                and (model_id is None or model_id in service.models)
                and _has_all(service.tags, tags)
                and _has_all(service.properties, properties)
            )
            if fits:
                found.append(service)
        return found

    @staticmethod
    def check_for_existing_webservice(
        workspace: Any, name: str, overwrite: bool = False, request_func: Any = None, check_func: Any = None
    ) -> None:
        """Raises WebserviceException if the name is invalid, or taken and must not be overwritten."""
        if not NAME.fullmatch(name):
            raise WebserviceException(
                f"Error, service name {name!r} is not valid: 3 to 32 lower-case letters, digits and dashes,  "
                "starting with a letter and not ending in a dash."
            )
        if not overwrite and any(found["name"] == name for found in services.list_services(workspace._remote)):
            raise WebserviceException(f"Error, there is already a service with name {name} found in workspace.")

    @staticmethod
    def deploy(
        workspace: Any,
        name: str,
        model_paths: Any,
        image_config: Any,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        raise NotAvailable(ABSENT, "Webservice.deploy")

    @staticmethod
    def deploy_from_model(
        workspace: Any,
        name: str,
        models: Any,
        image_config: Any,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        raise NotAvailable(ABSENT, "Webservice.deploy_from_model")

    @staticmethod
    def deploy_from_image(
        workspace: Any,
        name: str,
        image: Any,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        raise NotAvailable(ABSENT, "Webservice.deploy_from_image")

    @staticmethod
    def deploy_local_from_model(
        workspace: Any, name: str, models: Any, image_config: Any, deployment_config: Any = None, wait: bool = False
    ) -> Webservice:
        raise NotAvailable(ABSENT, "Webservice.deploy_local_from_model")

    # ---- its state

    def update_deployment_state(self) -> None:
        """Read the state of the service again."""
        self._update_from(_get(self.workspace, self.name))

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: Optional[float] = None) -> None:
        """Wait until the newest revision responds. Raises WebserviceException with the log if it failed."""
        began = time.monotonic()
        end = None if timeout_sec is None else began + timeout_sec
        shown = ""
        if show_output:
            print_text(TIPS)
            print_text("Running")
        while True:
            self.update_deployment_state()
            operation = self._found["operationState"]
            reason = (self._found["newest"] or {}).get("reason") or ""
            if show_output and operation == "Running" and reason and reason != shown:
                shown = reason
                print_text(f"{time.strftime('%Y-%m-%d %H:%M:%S%z')} {reason}")
            if operation != "Running":
                break
            if end is not None and time.monotonic() >= end:
                print_text(f"The deployment of {self.name} is still running after {timeout_sec:g} seconds.")
                return
            waited = time.monotonic() - began
            time.sleep(min(max(waited * POLL_SHARE, MIN_POLL_SECONDS), MAX_POLL_SECONDS))
        if show_output:
            print_text(operation)
            print_text(f'{self.compute_type} service creation operation finished, operation "{operation}"')
        if operation == "Failed":
            raise self._make_failure()

    def _make_failure(self) -> WebserviceException:
        details = {
            "code": "AksDeploymentFailed" if self.compute_type == "AKS" else "AciDeploymentFailed",
            "statusCode": 400,
            "message": "The entry script could not be started: see its log.",
            "details": [{"code": "CrashLoopBackOff", "message": self._found["error"]}],
        }
        revision = (self._found["newest"] or {}).get("number")
        return WebserviceException(
            "Service deployment polling reached non-successful terminal state, current service state: Failed\n"
            f"Operation ID: {self._found['id']}/revisions/{revision}\n"
            "More information can be found using '.get_logs()'\n"
            f"Error:\n{json.dumps(details, indent=2)}\n{self._found['error']}"
        )

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines of the log of the newest revision."""
        if init:
            raise NotAvailable("a log of the start of containers", "Webservice.get_logs(init=True)")
        lines = services.read_log(self.workspace._remote, self.name).splitlines()
        return "\n".join(lines[-num_lines:])

    # ---- its keys

    def get_keys(self) -> Tuple[str, str]:
        """Primary and secondary key."""
        found = services.read_keys(self.workspace._remote, self.name)
        return found["primaryKey"], found["secondaryKey"]

    def regen_key(self, key: str, set_key: Optional[str] = None) -> None:
        """A new `Primary` or `Secondary` key, or the one given as `set_key`."""
        if key not in ("Primary", "Secondary"):
            raise WebserviceException(f"Error, invalid value provided for key: {key}. Write Primary or Secondary.")
        services.regenerate_key(self.workspace._remote, self.name, key, set_key or "")

    @abstractmethod
    def get_token(self) -> Any:
        """Get a token, for services that use tokens."""

    # ---- using, changing, deleting

    def run(self, input: Any) -> Any:
        """Send the text or bytes to the service, and return its response, decoded from JSON."""
        if self.scoring_uri is None:
            raise WebserviceException("Error, scoring_uri unavailable for this service.")
        key = self.get_token()[0] if self.token_auth_enabled else self.get_keys()[0] if self.auth_enabled else ""
        answer = services.post_request(self.scoring_uri, input, key)
        if answer.status_code != 200:
            raise WebserviceException(
                "Received bad response from service. More information can be found by calling `.get_logs()` on the "
                f"webservice object.\nResponse Code: {answer.status_code}\nHeaders: {dict(answer.headers)}\n"
                f"Content: {answer.content!r}",
                status_code=answer.status_code,
            )
        return answer.json()

    def _send_update(self, given: Json, body: Optional[Json] = None, deployment: Optional[Json] = None) -> None:
        """Send the given arguments of `update`, and `body`. Models and an inference config create a new revision, with the
        other fields in `deployment`; a service without an entry script needs no inference config.
        """
        _warn_of_unused(given)
        config, models = given["inference_config"], given["models"]
        has_script = bool((self._found["newest"] or {}).get("entryScript"))
        if models is not None and config is None and has_script:
            raise WebserviceException("Error, to change the models give inference_config too.")
        sent: Json = {name: given[name] for name in ("tags", "properties", "description")}
        sent.update(authEnabled=given["auth_enabled"], tokenAuthEnabled=given.get("token_auth_enabled"))
        sent.update(collectModelData=given.get("collect_model_data"))
        sent.update(appInsightsEnabled=given["enable_app_insights"], **(body or {}))
        if config is not None or models is not None:
            references = self.models if models is None else list_models(self.workspace, models)
            payload = config.build_create_payload(self.workspace, self.name, references) if config else {}
            sent["deployment"] = {**payload, "models": references, **(deployment or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        if not sent:
            raise WebserviceException("Error, one of the parameters of update must be provided.")
        try:
            self._update_from(services.change_service(self.workspace._remote, self.name, sent))
        except ServiceException as error:
            raise WebserviceException(error.message, inner_exception=error) from error

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:
        """Change the service."""

    def delete(self) -> None:
        """Stop it and delete it."""
        services.delete_service(self.workspace._remote, self.name)

    def serialize(self) -> Json:
        return {
            "name": self.name,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "state": self.state,
            "createdTime": self.created_time,
            "updatedTime": self.updated_time,
            "error": self.error,
            "computeType": self.compute_type,
            "workspaceName": self.workspace.name,
            "imageId": self.image_id,
            "imageDigest": self.image_digest,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "authEnabled": self.auth_enabled,
            "tokenAuthEnabled": self.token_auth_enabled,
            "models": self.models,
        }

    @classmethod
    def deserialize(cls, workspace: Any, webservice_payload: Json) -> Webservice:
        """The current service of a dict from `serialize`."""
        return _make(workspace, _get(workspace, webservice_payload["name"]))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, compute_type={self.compute_type}, "
            f"state={self.state})"
        )


class WebServiceAccessToken:
    """A token for requests to a service, with the times after which to get the next one, and at which it expires."""

    def __init__(self, access_token: str, token_type: str, refresh_after: datetime, expiry_on: datetime):
        self.access_token, self.token_type = access_token, token_type
        self.refresh_after, self.expiry_on = refresh_after, expiry_on

    def serialize(self) -> Json:
        times = {"refreshAfter": self.refresh_after.isoformat(), "expiryOn": self.expiry_on.isoformat()}
        return {"accessToken": self.access_token, "tokenType": self.token_type, **times}

    @staticmethod
    def deserialize(payload_obj: Json) -> WebServiceAccessToken:
        times = [payload_obj[name].replace("Z", "+00:00") for name in ("refreshAfter", "expiryOn")]
        refresh_after, expiry_on = map(datetime.fromisoformat, times)
        return WebServiceAccessToken(payload_obj["accessToken"], payload_obj["tokenType"], refresh_after, expiry_on)


class WebserviceDeploymentConfiguration(ABC):
    """The base of all deployment configurations."""

    def __init__(
        self,
        type: Any,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        properties: Optional[Dict[str, str]] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        location: Optional[str] = None,
    ):
        self._webservice_type = type
        self.description = description
        self.tags = tags
        self.properties = properties
        self.primary_key = primary_key
        self.secondary_key = secondary_key
        self.location = location

    @abstractmethod
    def validate_configuration(self) -> None:
        """Raises WebserviceException for an invalid value."""

    def print_deploy_configuration(self) -> None:
        shown = {name: value for name, value in vars(self).items() if value is not None and not name.startswith("_")}
        print_text(json.dumps({name: str(value) for name, value in shown.items() if "key" not in name}, indent=2))

    def _describe_deployment(self) -> Json:
        """The fields that belong to the revision."""
        return {}

    def _create(self, workspace: Any, name: str, body: Json) -> Json:
        return services.create_service(workspace._remote, name, body)

    @classmethod
    def validate_image(cls, image: Any) -> None:
        raise NotAvailable(ABSENT, "WebserviceDeploymentConfiguration.validate_image")


def deploy_service(
    workspace: Any, name: str, models: Any, inference_config: Any, config: Any, target: Any, overwrite: bool
) -> Webservice:
    """`Model.deploy` to the studio."""
    Webservice.check_for_existing_webservice(workspace, name, overwrite)
    config.validate_configuration()
    _warn_of_unused(vars(config))
    references = list_models(workspace, models)
    body = {
        **config._describe(),
        "overwrite": overwrite,
        "deployment": {
            **(inference_config.build_create_payload(workspace, name, references) if inference_config else {}),
            "models": references,
            **config._describe_deployment(),
            "computeName": getattr(target, "name", target),
        },
    }
    try:
        return _make(workspace, config._create(workspace, name, body))
    except ServiceException as error:
        raise WebserviceException(error.message, inner_exception=error) from error


def _warn_of_unused(given: Json) -> None:
    unused = [name for name in UNUSED if given.get(name) is not None]
    if unused:
        text = f"{', '.join(unused)}: nothing is reserved here; a service uses what its machine has."
        warnings.warn(text, stacklevel=4)


def list_models(workspace: Any, models: Any) -> List[str]:
    """The models as `name:version`; paths of files, which SDK v1 also accepted, are refused."""
    found = []
    for model in models or []:
        reference = model if isinstance(model, str) else getattr(model, "id", None)
        if not reference or not re.fullmatch(r".+:\d+", str(reference)):
            raise UserErrorException(f"{model!r} is not a registered model: register it, and give the Model.")
        found.append(str(reference))
    return found


def _get(workspace: Any, name: str) -> Json:
    try:
        return services.get_service(workspace._remote, name)
    except NotFound as error:
        raise WebserviceException(
            f"WebserviceNotFound: Webservice with name {name} not found in provided workspace",
            status_code=404,
            inner_exception=error,
        ) from error


def _make(workspace: Any, found: Json) -> Webservice:
    service: Webservice = object.__new__(_kind_of(found))
    service.workspace, service.name = workspace, found["name"]
    service._update_from(found)
    return service


def _kind_of(found: Json) -> Any:
    """Services on a cluster are used as those on a machine of the studio."""
    return KINDS.get(VERSIONED if found["hasVersions"] else found["computeType"], KINDS["ACI"])


def _has_all(given: Dict[str, str], wanted: Any) -> bool:
    """Whether all wanted tags are given: each is a name, or a list of name and value."""
    for one in [wanted] if isinstance(wanted, str) else wanted or []:
        name, value = (one, None) if isinstance(one, str) else one
        if name not in given or (value is not None and given[name] != str(value)):
            return False
    return True


__getattr__ = _absent.find_missing(__name__)
