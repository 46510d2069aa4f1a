"""`InferenceConfig`: the entry script of a service, its folder and its environment."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Dict, Optional, Tuple

from lazuli.errors import NotAvailable
from lazuli.runs.snapshots import upload_snapshot

from azureml.core.environment import Environment
from azureml.exceptions import UserErrorException

Json = Dict[str, Any]
IMAGES = ("extra_docker_file_steps", "enable_gpu", "base_image", "base_image_registry", "cuda_version")
RUNTIMES = ("python", "spark-py")


class InferenceConfig:
    """Give `environment`, or `runtime="python"` with a `conda_file`."""

    def __init__(
        self,
        entry_script: str,
        runtime: Optional[str] = None,
        conda_file: Optional[str] = None,
        extra_docker_file_steps: Optional[str] = None,
        source_directory: Optional[str] = None,
        enable_gpu: Optional[bool] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Any = None,
        cuda_version: Optional[str] = None,
        environment: Any = None,
    ):
        self.entry_script = entry_script
        self.runtime = runtime
        self.conda_file = conda_file
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = source_directory
        self.enable_gpu = enable_gpu
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry
        self.cuda_version = cuda_version
        self.environment = environment
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the configuration. Raises UserErrorException if it cannot be deployed."""
        for name in IMAGES:
            if getattr(self, name):
                raise NotAvailable("container images", f"InferenceConfig({name}=…)")
        if self.runtime and self.runtime.lower() not in RUNTIMES:
            raise UserErrorException(f"runtime={self.runtime!r}: write python.")
        if self.runtime and self.runtime.lower() == "spark-py":
            raise NotAvailable("Spark", "InferenceConfig(runtime='spark-py')")
        if self.environment is not None and (self.runtime or self.conda_file):
            raise UserErrorException("Give either environment, or runtime with conda_file.")
        if not isinstance(self.entry_script, str) or not self.entry_script.endswith(".py"):
            raise UserErrorException(f"entry_script={self.entry_script!r}: write the path of a Python file.")
        if self.source_directory and not os.path.isdir(self.source_directory):
            raise UserErrorException(f"source_directory={self.source_directory!r} is not a folder here.")
        path = os.path.join(self.source_directory or "", self.entry_script)
        if not os.path.isfile(path):
            raise UserErrorException(f"The entry script {path!r} is not a file here.")

    def validation_script_content(self) -> None:
        """Check the entry script. Raises UserErrorException if it is not Python."""
        path = os.path.join(self.source_directory or "", self.entry_script)
        with open(path, "rb") as file:
            try:
                compile(file.read(), path, "exec")
            except (SyntaxError, ValueError) as error:
                raise UserErrorException(f"The entry script {path!r} is not valid Python: {error}") from error

    def find_environment(self) -> Any:
        """The `Environment`, or None for the default one."""
        if self.environment is None and self.conda_file:
            folder = self.source_directory or ""
            below = os.path.join(folder, self.conda_file)
            return Environment.from_conda_specification(
                "inference", below if os.path.isfile(below) else self.conda_file
            )
        return self.environment

    def upload_code(self, remote: Any) -> Tuple[str, str]:
        """The id of the snapshot, and the path of the entry script in it. Without a folder, the script alone."""
        self.validation_script_content()
        if self.source_directory:
            return upload_snapshot(remote, self.source_directory), self.entry_script.replace(os.sep, "/")
        name = os.path.basename(self.entry_script)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copyfile(self.entry_script, os.path.join(folder, name))
            return upload_snapshot(remote, folder), name

    def describe(self, workspace: Any) -> Json:
        """The fields of a deployment for this configuration."""
        code_id, entry_script = self.upload_code(workspace._remote)
        environment = self.find_environment()
        definition = None if environment is None else environment._to_dict()
        return {"codeId": code_id, "entryScript": entry_script, "environmentDefinition": definition}

    def build_create_payload(self, workspace: Any, name: str, model_ids: Any) -> Json:
        return {**self.describe(workspace), "models": list(model_ids)}

    def build_profile_payload(
        self,
        profile_name: str,
        input_data: Any = None,
        workspace: Any = None,
        models: Any = None,
        dataset_id: Optional[str] = None,
        container_resource_requirements: Any = None,
        description: Optional[str] = None,
    ) -> Any:
        raise NotAvailable("profiles of models", "InferenceConfig.build_profile_payload")
