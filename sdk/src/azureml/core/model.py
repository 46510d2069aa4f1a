"""`Model`: a version of a registered model."""

from __future__ import annotations

import datetime
import importlib
from typing import Any, Dict, Iterable, List, Optional

from lazuli import models
from lazuli.console import print_text
from lazuli.errors import NotAvailable, NotFound
from lazuli.runs.tag_values import convert_to_texts

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.core._inference_config import InferenceConfig as InferenceConfig
from azureml.core._model_paths import find_model_path
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.exceptions import UserErrorException, WebserviceException

Json = Dict[str, Any]

ENDPOINTS = "the endpoint service"


class Model:
    """A version of a model in the workspace: the newest one that matches the arguments.

    Raises WebserviceException, whose text contains ModelNotFound, if there is none.
    """

    class Framework:
        """Names of frameworks for `model_framework`."""

        CUSTOM = "Custom"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        TENSORFLOW = "TensorFlow"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Any,
        name: Optional[str] = None,
        id: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        version: Optional[int] = None,
        run_id: Optional[str] = None,
        model_framework: Optional[str] = None,
        expand: bool = True,
        **kwargs: Any,
    ):
        warn_of_unused("Model", **kwargs)
        self.workspace = workspace
        found = kwargs.get("_model_dto")
        if found is None:
            found = _find(workspace, name, id, tags, properties, version, run_id, model_framework)
        self._update_from(found)

    def _update_from(self, resource: Json) -> None:
        self._resource = resource
        about = resource["properties"]
        self.name = str(resource["id"]).split("/models/")[1].split("/versions/")[0]
        self.version = int(resource["name"])
        self.id = f"{self.name}:{self.version}"
        self.description = about["description"] or None
        self.tags: Dict[str, str] = dict(about["tags"])
        self.properties: Dict[str, str] = dict(about["properties"])
        self.run_id = about["jobName"]
        self.experiment_name = about["experimentName"]
        self.model_framework = about["framework"] or None
        self.model_framework_version = about["frameworkVersion"] or None
        self.resource_configuration = ResourceConfiguration.deserialize(about["resourceRequirements"])
        self.created_by = {"userName": resource["systemData"]["createdBy"]}
        self.created_time = _parse_time(resource["systemData"]["createdAt"])
        self.url = about["modelUri"]
        self.mime_type = "application/x-python"
        self.unpack = False
        self.parent_id: Optional[str] = None
        self.derived_model_ids: List[str] = []

    # ---- finding and registering

    @staticmethod
    def register(
        workspace: Any,
        model_path: str,
        model_name: str,
        tags: Any = None,
        properties: Optional[Dict[str, Any]] = None,
        description: Optional[str] = None,
        datasets: Any = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        child_paths: Optional[Iterable[str]] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> Model:
        """Upload a file or folder, and register it as the next version of the model."""
        print_text(f"Registering model {model_name}")
        # Nothing is uploaded for what would be refused.
        models.check_model_name(model_name)
        described = _describe(tags, properties, description, model_framework, model_framework_version)
        references = _refer(datasets, sample_input_dataset, sample_output_dataset, resource_configuration)
        uri = models.upload(workspace._remote, model_path, child_paths)
        return _register(workspace, model_name, uri, described, references)

    @staticmethod
    def list(
        workspace: Any,
        name: Optional[str] = None,
        tags: Any = None,
        properties: Any = None,
        run_id: Optional[str] = None,
        latest: bool = False,
        dataset_id: Optional[str] = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: Optional[str] = None,
    ) -> List[Model]:
        """The versions of all models, newest first; of several tags or properties all must fit.

        A tag is a name, or a list of name and value.
        """
        query = _query(name, tags, properties, run_id, model_framework, page_count)
        query.update(datasetId=dataset_id, latest="true" if latest else None)
        found = models.find_versions(workspace._remote, **query)
        return [Model(workspace, _model_dto=resource) for resource in found]

    @staticmethod
    def get_model_path(model_name: str, version: Optional[int] = None, _workspace: Any = None) -> str:
        """The path of the model's file or folder here: in a service its own folder, in a run a download."""
        return find_model_path(model_name, version, _workspace)

    # ---- files, run and datasets

    def download(self, target_dir: str = ".", exist_ok: bool = False, exists_ok: Optional[bool] = None) -> str:
        """Save the file or folder into `target_dir` under its own name, and return its path."""
        exist_ok = exist_ok if exists_ok is None else exists_ok
        return models.download(self.workspace._remote, self._resource, self.name, target_dir, exist_ok)

    def get_sas_urls(self) -> Dict[str, str]:
        raise NotAvailable("signed addresses of model files", "Model.get_sas_urls")

    @property
    def run(self) -> Any:
        """The run that the model came from, or None."""
        return self.workspace.get_run(self.run_id) if self.run_id and self.experiment_name else None

    @property
    def datasets(self) -> Dict[str, List[Any]]:
        """The datasets by what they were used for."""
        found: Dict[str, List[Any]] = {}
        for one in self._resource["properties"]["datasets"]:
            found.setdefault(one["name"], []).append(_get_dataset(self.workspace, one["id"]))
        return found

    @property
    def sample_input_dataset(self) -> Any:
        return _get_dataset(self.workspace, self._resource["properties"]["sampleInputDatasetId"])

    @property
    def sample_output_dataset(self) -> Any:
        return _get_dataset(self.workspace, self._resource["properties"]["sampleOutputDatasetId"])

    # ---- changing

    def update(
        self,
        tags: Optional[Dict[str, Any]] = None,
        description: Optional[str] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> None:
        """Change the given fields; tags replace the existing ones."""
        refer = _refer(None, sample_input_dataset, sample_output_dataset, resource_configuration)
        self._change(tags=None if tags is None else _texts(tags, "tag"), description=description, **refer)

    def add_tags(self, tags: Dict[str, Any]) -> None:
        self.update_tags_properties(add_tags=tags)

    def remove_tags(self, tags: Any) -> None:
        self.update_tags_properties(remove_tags=tags)

    def add_properties(self, properties: Dict[str, Any]) -> None:
        """Add properties; the value of an existing one cannot be changed."""
        self.update_tags_properties(add_properties=properties)

    def update_tags_properties(
        self,
        add_tags: Optional[Dict[str, Any]] = None,
        remove_tags: Any = None,
        add_properties: Optional[Dict[str, Any]] = None,
    ) -> None:
        self._refresh()
        removed = {remove_tags} if isinstance(remove_tags, str) else set(remove_tags or [])
        tags = {name: value for name, value in {**self.tags, **_texts(add_tags, "tag")}.items() if name not in removed}
        self._change(tags=tags, properties=_texts(add_properties, "property") or None)

    def add_dataset_references(self, datasets: Any) -> None:
        """Name datasets that it was trained or tested on: a list of pairs of purpose and dataset."""
        self._refresh()
        self._change(datasets=self._resource["properties"]["datasets"] + _dataset_references(datasets))

    def delete(self) -> None:
        """Move this version to the trash."""
        try:
            models.delete_version(self.workspace._remote, self.name, self.version)
        except NotFound as error:
            raise WebserviceException(error.message, status_code=404, inner_exception=error) from error

    def _change(self, **properties: Any) -> None:
        self._update_from(models.change_version(self.workspace._remote, self.name, self.version, **properties))

    def _refresh(self) -> None:
        self._update_from(models.get_version(self.workspace._remote, self.name, self.version))

    # ---- showing

    def serialize(self) -> Json:
        resources = self.resource_configuration
        return {
            "createdTime": self._resource["systemData"]["createdAt"],
            "description": self.description,
            "experimentName": self.experiment_name,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "properties": self.properties,
            "tags": self.tags,
            "runId": self.run_id,
            "url": self.url,
            "datasets": self._resource["properties"]["datasets"],
            "resourceRequirements": resources.serialize() if resources else None,
            "_resource": self._resource,
        }

    @staticmethod
    def deserialize(workspace: Any, model_payload: Json) -> Model:
        """The model of what `serialize` has returned."""
        if "_resource" not in model_payload:
            raise UserErrorException("This is not the result of Model.serialize().")
        return Model(workspace, _model_dto=model_payload["_resource"])

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )

    # ---- deployment

    @staticmethod
    def deploy(
        workspace: Any,
        name: str,
        models: Any,
        inference_config: Any = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Any:
        """Deploy the models with the entry script of `inference_config`: on this machine, or in the studio.

        Without it, the only model must be an MLflow model, and its own environment is used.
        """
        # Loaded when they are needed: start-up time.
        local = importlib.import_module("azureml.core.webservice.local")
        if isinstance(deployment_config, local.LocalWebserviceDeploymentConfiguration):
            service = local.deploy_local(workspace, name, models, inference_config, deployment_config)
        else:
            webservice = importlib.import_module("azureml.core.webservice.webservice")
            aci = importlib.import_module("azureml.core.webservice.aci")
            config = deployment_config or aci.AciWebservice.deploy_configuration()
            service = webservice.deploy_service(
                workspace, name, models, inference_config, config, deployment_target, overwrite
            )
        if show_output:
            service.wait_for_deployment(show_output=True)
        return service

    @staticmethod
    def package(
        workspace: Any,
        models: Any,
        inference_config: Any = None,
        generate_dockerfile: bool = False,
        image_name: Optional[str] = None,
        image_label: Optional[str] = None,
    ) -> Any:
        raise NotAvailable("the image service", "Model.package")

    @staticmethod
    def profile(
        workspace: Any,
        profile_name: str,
        models: Any,
        inference_config: Any,
        input_dataset: Any,
        cpu: Optional[float] = None,
        memory_in_gb: Optional[float] = None,
        description: Optional[str] = None,
    ) -> Any:
        raise NotAvailable(ENDPOINTS, "Model.profile")

    @staticmethod
    def print_configuration(models: Any, inference_config: Any, deployment_config: Any, deployment_target: Any) -> Any:
        raise NotAvailable(ENDPOINTS, "Model.print_configuration")


def register_from_run(run: Any, model_name: str, model_path: Optional[str], details: Any, references: Any) -> Model:
    """`Run.register_model`: the files are in the run already."""
    path = (model_path or model_name).replace("\\", "/").strip("/")
    path = path[2:] if path.startswith("./") else path
    uri = f"azureml://jobs/{run.id}/outputs/artifacts/paths/{path}"
    return _register(run.experiment.workspace, model_name, uri, _describe(*details), _refer(*references))


def _register(workspace: Any, name: str, uri: str, described: Json, references: Json) -> Model:
    return Model(workspace, _model_dto=models.register(workspace._remote, name, uri, **described, **references))


def _find(
    workspace: Any, name: Any, id: Any, tags: Any, properties: Any, version: Any, run_id: Any, framework: Any
) -> Json:
    if id is not None:
        name, _, number = str(id).rpartition(":")
        if not name or not number:
            raise WebserviceException(f"ModelNotFound: {id!r} is not the id of a model; write name:version.")
        return models.get_version(workspace._remote, name, number)
    if name is None:
        raise WebserviceException("Error, one of id or name must be provided.")
    if version is not None:
        return models.get_version(workspace._remote, name, version)
    query = _query(name, tags, properties, run_id, framework, 1)
    found = next(models.find_versions(workspace._remote, **query), None)
    if found is None:
        given = {"name": name, "tags": tags, "properties": properties, "run_id": run_id, "model_framework": framework}
        words = ", ".join(f"{key} {value}" for key, value in given.items() if value is not None)
        raise WebserviceException(
            f"ModelNotFound: Model with {words} was not found in the workspace {workspace.name}.", status_code=404
        )
    return found


def _query(name: Any, tags: Any, properties: Any, run_id: Any, framework: Any, count: int) -> Json:
    query = {"name": name, "runId": run_id, "framework": framework, "$top": max(1, min(int(count), 1000))}
    return {**query, "tag": _pairs(tags, "tags"), "property": _pairs(properties, "properties")}


def _pairs(wanted: Any, what: str) -> Optional[List[str]]:
    """`['a', ['b', 'c']]` as `a` and `b=c`; a dict is taken too."""
    if not wanted:
        return None
    if isinstance(wanted, str):
        return [wanted]
    if isinstance(wanted, dict):
        return [f"{name}={value}" for name, value in wanted.items()]
    found = []
    for one in wanted:
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, (list, tuple)) and len(one) == 2:
            found.append(f"{one[0]}={one[1]}")
        else:
            raise UserErrorException(f"{what}: {one!r} is neither a name nor a list of name and value.")
    return found


def _describe(tags: Any, properties: Any, description: Any, framework: Any, framework_version: Any) -> Json:
    return {
        "tags": _texts(tags, "tag"),
        "properties": _texts(properties, "property"),
        "description": description,
        "framework": framework,
        "frameworkVersion": None if framework_version is None else str(framework_version),
    }


def _refer(datasets: Any, sample_input: Any, sample_output: Any, resources: Any) -> Json:
    if resources is not None and not isinstance(resources, ResourceConfiguration):
        raise UserErrorException("resource_configuration must be a ResourceConfiguration.")
    return {
        "datasets": _dataset_references(datasets) if datasets else None,
        "sampleInputDatasetId": None if sample_input is None else _dataset_id(sample_input),
        "sampleOutputDatasetId": None if sample_output is None else _dataset_id(sample_output),
        "resourceRequirements": resources.serialize() if resources else None,
    }


def _dataset_references(datasets: Any) -> List[Json]:
    try:
        return [{"name": str(purpose), "id": _dataset_id(dataset)} for purpose, dataset in datasets]
    except (TypeError, ValueError) as error:
        raise UserErrorException("datasets must be a list of pairs: ('training data', dataset).") from error


def _dataset_id(dataset: Any) -> str:
    found = dataset if isinstance(dataset, str) else getattr(dataset, "id", None)
    if not found:
        raise UserErrorException(f"{dataset!r} is not a dataset that is registered or saved: it has no id.")
    return str(found)


def _get_dataset(workspace: Any, dataset_id: str) -> Any:
    if not dataset_id:
        return None
    # Loaded when it is needed: start-up time.
    return importlib.import_module("azureml.core.dataset").Dataset.get_by_id(workspace, dataset_id)


def _texts(values: Any, what: str) -> Dict[str, Any]:
    """A tag may be a name alone."""
    if values is None:
        return {}
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, dict):
        values = dict.fromkeys(values, "")
    return convert_to_texts(values, what, "properties" if what == "property" else "tags")


def _parse_time(text: Optional[str]) -> Optional[datetime.datetime]:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


__getattr__ = _absent.find_missing(__name__)
