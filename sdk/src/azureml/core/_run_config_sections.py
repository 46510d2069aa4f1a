"""The parts of a run configuration: data, history, distribution, compute."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from lazuli import errors

from azureml.core._config_element import ConfigElement, check_one_of
from azureml.core.container_registry import ContainerRegistry as _ContainerRegistry
from azureml.exceptions import RunConfigurationException

SUPPORTED_DATAREF_MODES = ["mount", "download", "upload"]
SUPPORTED_DELIVERY_MECHANISM = ["direct", "mount", "download", "upload"]
SUPPORTED_PYTORCH_BACKENDS = ["nccl", "gloo"]
DATASETS = "the service for data assets"


class ContainerRegistry(_ContainerRegistry):
    """The registry of a run's base image."""


class AzureContainerRegistry(ContainerRegistry):
    """The older name of `ContainerRegistry`."""


class AmlComputeConfiguration(ConfigElement):
    _fields = ("vm_size", "vm_priority")

    def __init__(self) -> None:
        self.vm_size: Optional[str] = None
        self.vm_priority: Optional[str] = None


class KubernetesComputeConfiguration(ConfigElement):
    _fields = ("instance_type",)

    def __init__(self) -> None:
        self.instance_type: Optional[str] = None


class ApplicationEndpointConfiguration(ConfigElement):
    _fields = ("type", "port", "properties")

    def __init__(
        self, type: Optional[str] = None, port: Optional[int] = None, properties: Optional[Dict[str, Any]] = None
    ):
        self.type = type
        self.port = port
        self.properties = properties or {}


class Dataset(ConfigElement):
    _fields = ("id", "name", "version")
    _renamed = {"id": "datasetId", "name": "datasetName", "version": "datasetVersion"}

    def __init__(
        self,
        dataset_id: Optional[str] = None,
        dataset_name: Optional[str] = None,
        dataset_version: Optional[str] = None,
    ):
        self.id = dataset_id
        self.name = dataset_name
        self.version = dataset_version


class DataPath(ConfigElement):
    _fields = ("datastore_name", "relative_path")

    def __init__(self, datastore_name: Optional[str] = None, relative_path: Optional[str] = None):
        self.datastore_name = datastore_name
        self.relative_path = relative_path


class Uri(ConfigElement):
    _fields = ("path", "is_file")

    def __init__(self, path: Optional[str] = None, is_file: bool = False):
        self.path = path
        self.is_file = is_file


class DataLocation(ConfigElement):
    _fields = ("dataset", "data_path", "uri")

    def __init__(
        self, dataset: Optional[Dataset] = None, data_path: Optional[DataPath] = None, uri: Optional[Uri] = None
    ):
        self.dataset = dataset
        self.data_path = data_path
        self.uri = uri


class Data(ConfigElement):
    _fields = (
        "data_location",
        "create_output_directories",
        "mechanism",
        "environment_variable_name",
        "path_on_compute",
        "overwrite",
        "options",
    )

    def __init__(
        self,
        data_location: Optional[DataLocation] = None,
        create_output_directories: Optional[bool] = None,
        mechanism: str = "direct",
        environment_variable_name: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
        options: Optional[Dict[str, str]] = None,
    ):
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = check_one_of(mechanism, tuple(SUPPORTED_DELIVERY_MECHANISM), "mechanism")
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options

    @staticmethod
    def create(data: Any) -> Data:
        raise errors.NotAvailable(DATASETS, "Data.create")


class DataReferenceConfiguration(ConfigElement):
    _fields = ("data_store_name", "mode", "path_on_data_store", "path_on_compute", "overwrite")

    def __init__(
        self,
        datastore_name: Optional[str] = None,
        mode: str = "mount",
        path_on_datastore: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ):
        self.data_store_name = datastore_name
        self.mode = check_one_of(mode, tuple(SUPPORTED_DATAREF_MODES), "mode")
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite


class DatacacheConfiguration(ConfigElement):
    _fields = (
        "dataset_id",
        "datacache_store",
        "datacache_id",
        "mode",
        "path_on_compute",
        "replica",
        "failure_fallback",
    )

    def __init__(
        self,
        dataset_id: Optional[str] = None,
        datacache_store: Optional[str] = None,
        datacache_id: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        replica: Any = None,
        failure_fallback: bool = False,
    ):
        values = (dataset_id, datacache_store, datacache_id, mode, path_on_compute, replica, failure_fallback)
        self.dataset_id, self.datacache_store, self.datacache_id, self.mode, *rest = values
        self.path_on_compute, self.replica, self.failure_fallback = rest

    @staticmethod
    def create(data: Any) -> DatacacheConfiguration:
        raise errors.NotAvailable(DATASETS, "DatacacheConfiguration.create")


class GlobsOptions(ConfigElement):
    _fields = ("patterns",)

    def __init__(self, patterns: Optional[List[str]] = None):
        self.patterns = patterns


class UploadOptions(ConfigElement):
    _fields = ("overwrite", "source_globs")

    def __init__(self, overwrite: bool = False, source_globs: Optional[GlobsOptions] = None):
        self.overwrite = overwrite
        self.source_globs = source_globs


class MountOptions(ConfigElement):
    _fields = ("disable_metadata_cache",)

    def __init__(self, disable_metadata_cache: bool = False):
        self.disable_metadata_cache = disable_metadata_cache


class DatasetRegistrationOptions(ConfigElement):
    _fields = ("additional_transformation",)

    def __init__(self, additional_transformations: Any = None):
        self.additional_transformation = additional_transformations


class RegistrationOptions(ConfigElement):
    _fields = ("name", "description", "tags", "dataset_registration_options")

    def __init__(
        self,
        name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        dataset_registration_options: Optional[DatasetRegistrationOptions] = None,
    ):
        self.name = name
        self.description = description
        self.tags = tags
        self.dataset_registration_options = dataset_registration_options


class OutputOptions(ConfigElement):
    _fields = ("path_on_compute", "registration_options", "upload_options", "mount_options")

    def __init__(
        self,
        path_on_compute: Optional[str] = None,
        registration_options: Optional[RegistrationOptions] = None,
        upload_options: Optional[UploadOptions] = None,
        mount_options: Optional[MountOptions] = None,
    ):
        self.path_on_compute = path_on_compute
        self.registration_options = registration_options
        self.upload_options = upload_options
        self.mount_options = mount_options


class OutputData(ConfigElement):
    _fields = ("output_location", "mechanism", "additional_options")

    def __init__(
        self,
        output_location: Optional[DataLocation] = None,
        mechanism: str = "mount",
        additional_options: Optional[OutputOptions] = None,
    ):
        self.output_location = output_location
        self.mechanism = mechanism
        self.additional_options = additional_options


class HdiConfiguration(ConfigElement):
    _fields = ("yarn_deploy_mode",)

    def __init__(self) -> None:
        self.yarn_deploy_mode = "cluster"


class SparkConfiguration(ConfigElement):
    _fields = ("configuration",)

    def __init__(self) -> None:
        self.configuration: Dict[str, str] = {
            "spark.app.name": "Azure ML Experiment",
            "spark.yarn.maxAppAttempts": "1",
        }


class HistoryConfiguration(ConfigElement):
    """`directories_to_watch` is uploaded while the script runs, `outputs/` when it has ended."""

    _fields = ("output_collection", "snapshot_project", "directories_to_watch")

    def __init__(self) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch: List[str] = ["logs"]


class DockerConfiguration(ConfigElement):
    """Stored without effect: a node runs the script as a process, not in a container."""

    _fields = ("use_docker", "shared_volumes", "arguments", "shm_size")

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: Optional[List[str]] = None,
        shm_size: str = "2g",
    ):
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments or [])
        self.shm_size = shm_size


class ParallelTaskConfiguration(ConfigElement):
    _fields = ("max_retries_per_worker", "worker_count_per_node", "terminal_exit_codes")

    def __init__(self) -> None:
        self.max_retries_per_worker = 0
        self.worker_count_per_node = 1
        self.terminal_exit_codes: Optional[List[int]] = None


class MpiConfiguration(ConfigElement):
    _fields = ("process_count_per_node", "node_count")

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1):
        self.process_count_per_node = check_positive(process_count_per_node, "process_count_per_node")
        self.node_count = check_positive(node_count, "node_count")


class PyTorchConfiguration(ConfigElement):
    _fields = ("communication_backend", "process_count", "node_count")

    def __init__(self, communication_backend: str = "Nccl", process_count: Optional[int] = None, node_count: int = 1):
        check_one_of(communication_backend, tuple(SUPPORTED_PYTORCH_BACKENDS), "communication_backend")
        self.communication_backend = communication_backend
        self.process_count = None if process_count is None else check_positive(process_count, "process_count")
        self.node_count = check_positive(node_count, "node_count")


class TensorflowConfiguration(ConfigElement):
    _fields = ("worker_count", "parameter_server_count")

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1):
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count


def check_positive(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RunConfigurationException(f"{what}={value!r} must be a whole number of at least 1.")
    return value


def parse_elements(kind: Any, values: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
    """The dict of settings `values` as a dict of `kind`."""
    made: Dict[str, Any] = {}
    for name, value in (values or {}).items():
        made[name] = kind()._set_values(value) if isinstance(value, Mapping) else value
    return made
