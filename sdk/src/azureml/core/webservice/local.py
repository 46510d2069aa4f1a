"""`LocalWebservice`: a service as a process of the user's own machine, in the Python that runs the script."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional

from lazuli import services
from lazuli.console import print_text
from lazuli.errors import NotAvailable

from azureml import _absent
from azureml.core.webservice.webservice import Webservice, WebserviceDeploymentConfiguration
from azureml.exceptions import WebserviceException

Json = Dict[str, Any]
POLL_SECONDS = 0.05
# Those that this process has started, by name.
STARTED: Dict[str, LocalWebservice] = {}


class LocalWebservice(Webservice):
    """Uses the packages of the current Python: no environment is built."""

    STATE_DEPLOYING = "deploying"
    STATE_RUNNING = "running"
    STATE_FAILED = "failed"
    STATE_DELETED = "deleted"
    STATE_UNKNOWN = "unknown"
    NETWORK_NAME = "azureml-local"

    def __init__(self, workspace: Any, name: str, must_exist: bool = True):
        if name in STARTED:
            self.__dict__ = STARTED[name].__dict__
            return
        if must_exist:
            raise WebserviceException(f"Error, there is no local service {name} of this process.", status_code=404)
        self.workspace, self.name = workspace, name
        self.auth_enabled = self.token_auth_enabled = False
        self.compute_type, self.state = "Local", self.STATE_UNKNOWN
        self.description = self.error = self.image = self.image_id = self.image_digest = None
        self.created_by = self.created_time = self.updated_time = None
        self.tags, self.properties = {}, {}
        self._port: Optional[int] = None
        self._folder: Optional[str] = None
        self._process: Optional[subprocess.Popen[bytes]] = None

    @staticmethod
    def deploy_configuration(port: Optional[int] = None) -> LocalWebserviceDeploymentConfiguration:
        """A free port by default."""
        return LocalWebserviceDeploymentConfiguration(port)

    @staticmethod
    def list(  # type: ignore[override]
        workspace: Any, model_name: Optional[str] = None, model_id: Optional[str] = None, all: Any = None
    ) -> List[LocalWebservice]:
        """The services that this process has started."""
        wanted = [service for service in STARTED.values() if service.workspace is workspace]
        names = {service.name: [model.name for model in service._models] for service in wanted}
        ids = {service.name: [model.id for model in service._models] for service in wanted}
        return [
            service
            for service in wanted
            if (model_name is None or model_name in names[service.name])
            and (model_id is None or model_id in ids[service.name])
        ]

    # ---- its process

    def _deploy(self, models: Any, inference_config: Any, port: Optional[int]) -> None:
        self._models, self._config, self._wanted_port = [*(models or [])], inference_config, port
        STARTED[self.name] = self
        self._start()

    def _start(self) -> None:
        self._end()
        self._folder = tempfile.mkdtemp(prefix=f"lazuli-{self.name}-")
        code = os.path.join(self._folder, "code")
        script = self._copy_code(code)
        self._copy_models()
        self._log = os.path.join(self._folder, "log.txt")
        command = [sys.executable, "-m", "lazuli.scoring", script or "--mlflow", "--port", str(self._wanted_port or 0)]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                command, cwd=code, env=self._make_variables(code), stdout=log, stderr=subprocess.STDOUT
            )
        self.state, self._port = self.STATE_DEPLOYING, None

    def _copy_code(self, folder: str) -> str:
        """The path of the entry script in the folder; empty for an MLflow model without one."""
        if self._config is None:
            os.makedirs(folder)
            return ""
        self._config.validation_script_content()
        script = str(self._config.entry_script)
        if self._config.source_directory:
            shutil.copytree(self._config.source_directory, folder)
            return script
        os.makedirs(folder)
        shutil.copy(script, folder)
        return os.path.basename(script)

    def _copy_models(self) -> None:
        for model in self._models:
            if not hasattr(model, "download"):
                raise WebserviceException(f"{model!r} is not a registered model: register it, and give the Model.")
            model.download(os.path.join(str(self._folder), "azureml-models", model.name, str(model.version)))

    def _make_variables(self, code: str) -> Dict[str, str]:
        folder = os.path.join(str(self._folder), "azureml-models")
        os.makedirs(folder, exist_ok=True)
        if len(self._models) == 1:
            folder = os.path.join(folder, self._models[0].name, str(self._models[0].version))
        environment = self._config.environment if self._config else None
        own = dict(environment.environment_variables) if environment is not None else {}
        named = {"AZUREML_MODEL_DIR": folder, "AML_APP_ROOT": code, "AZUREML_SOURCE_DIRECTORY": code}
        known = {"SERVICE_NAME": self.name, "AZUREML_ENTRY_SCRIPT": self._config.entry_script if self._config else ""}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **own, **named, **known}

    def _end(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process = self._folder = None

    def update_deployment_state(self, must_exist: bool = False) -> None:
        if self._process is None:
            if must_exist:
                raise WebserviceException(f"The service {self.name} has not been started.")
            return
        for line in self._read_log().splitlines():
            if line.startswith('{"listening":'):
                self._port = int(json.loads(line)["listening"])
                break
        if self._process.poll() is not None:
            self.state, self.error = self.STATE_FAILED, {"message": self._read_log()}
        elif self._port is not None:
            self.state = self.STATE_RUNNING

    def wait_for_deployment(self, show_output: bool = False) -> None:  # type: ignore[override]
        """Wait until `init()` has returned. Raises WebserviceException with the log if it has failed."""
        self.update_deployment_state()
        while self.state == self.STATE_DEPLOYING:
            time.sleep(POLL_SECONDS)
            self.update_deployment_state()
        if self.state == self.STATE_FAILED:
            raise WebserviceException(f"Error: the local service {self.name} could not start.\n{self._read_log()}")
        if show_output:
            print_text(
                f"Local webservice is running at {self.scoring_uri.rpartition('/')[0] if self.scoring_uri else ''}"
            )

    def _read_log(self) -> str:
        if not self._folder:
            return ""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def get_logs(self, num_lines: int = 5000, raw: bool = False) -> str:
        lines = [line for line in self._read_log().splitlines() if not line.startswith('{"listening":')]
        return "\n".join(lines[-num_lines:])

    @property
    def port(self) -> Optional[int]:
        return self._port

    @property
    def scoring_uri(self) -> Optional[str]:  # type: ignore[override]
        return f"http://localhost:{self._port}/score" if self._port else None

    @property
    def swagger_uri(self) -> Optional[str]:  # type: ignore[override]
        return f"http://localhost:{self._port}/swagger.json" if self._port else None

    # ---- using, changing, deleting

    def run(self, input_data: Any) -> Any:
        self.wait_for_deployment()
        answer = services.post_request(str(self.scoring_uri), input_data, "")
        if answer.status_code != 200:
            raise WebserviceException(
                f"Received bad response from service.\nResponse Code: {answer.status_code}\n"
                f"Content: {answer.content!r}\nLog:\n{self.get_logs(50)}",
                status_code=answer.status_code,
            )
        return answer.json()

    def reload(self, wait: bool = False) -> None:
        """Start it again with the entry script as it is now."""
        self._start()
        if wait:
            self.wait_for_deployment()

    def update(
        self,
        models: Any = None,
        image_config: Any = None,
        deployment_config: Any = None,
        wait: bool = False,
        inference_config: Any = None,
    ) -> None:
        if image_config is not None:
            raise NotAvailable("container images", "LocalWebservice.update(image_config=…)")
        self._models = self._models if models is None else [*models]
        self._config = inference_config or self._config
        self._wanted_port = deployment_config.port if deployment_config else self._wanted_port
        self.reload(wait)

    def delete(self, delete_cache: bool = True, delete_image: bool = False, delete_volume: bool = True) -> None:
        self._end()
        self.state = self.STATE_DELETED
        STARTED.pop(self.name, None)

    def deploy_to_cloud(
        self, name: Optional[str] = None, deployment_config: Any = None, deployment_target: Any = None
    ) -> Any:
        """Deploy the same models and entry script to the studio."""
        # It imports this module.
        model = importlib.import_module("azureml.core.model")
        return model.Model.deploy(
            self.workspace, name or self.name, self._models, self._config, deployment_config, deployment_target
        )

    def get_keys(self) -> Any:
        raise WebserviceException("Error, a local service has no keys.")

    def regen_key(self, key: str) -> None:  # type: ignore[override]
        raise WebserviceException("Error, a local service has no keys.")

    def get_token(self) -> Any:
        raise WebserviceException("Error, a local service has no tokens.")

    def serialize(self) -> Json:
        return {"name": self.name, "computeType": self.compute_type, "state": self.state, "port": self._port}

    @classmethod
    def deserialize(cls, workspace: Any, webservice_payload: Json) -> LocalWebservice:
        return LocalWebservice(workspace, webservice_payload["name"])


class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    def __init__(self, port: Optional[int] = None):
        super().__init__(LocalWebservice)
        self.port = port
        self.validate_configuration()

    def validate_configuration(self) -> None:
        if self.port is not None and not (isinstance(self.port, int) and 0 < self.port < 65536):
            raise WebserviceException(f"Invalid configuration, port={self.port!r}: write a number from 1 to 65535.")

    def print_deploy_configuration(self) -> None:
        super().print_deploy_configuration()


def deploy_local(workspace: Any, name: str, models: Any, inference_config: Any, config: Any) -> LocalWebservice:
    service = LocalWebservice(workspace, name, must_exist=False)
    service._deploy(models, inference_config, config.port)
    return service


__getattr__ = _absent.find_missing(__name__)
