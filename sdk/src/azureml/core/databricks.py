"""Libraries for Databricks: stored with an environment, so that files that name them can be read and written."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.core._config_element import ConfigElement
from azureml.exceptions import UserErrorException


class MavenLibrary(ConfigElement):
    _fields = ("coordinates", "repo", "exclusions")

    def __init__(
        self, coordinates: Optional[str] = None, repo: Optional[str] = None, exclusions: Optional[List[str]] = None
    ):
        self.coordinates = coordinates
        self.repo = repo
        self.exclusions = exclusions or []


class PyPiLibrary(ConfigElement):
    _fields = ("package", "repo")

    def __init__(self, package: Optional[str] = None, repo: Optional[str] = None):
        self.package = package
        self.repo = repo


class RCranLibrary(ConfigElement):
    _fields = ("package", "repo")

    def __init__(self, package: Optional[str] = None, repo: Optional[str] = None):
        self.package = package
        self.repo = repo


class EggLibrary(ConfigElement):
    _fields = ("library",)

    def __init__(self, library: Optional[str] = None):
        self.library = library


class JarLibrary(ConfigElement):
    _fields = ("library",)

    def __init__(self, library: Optional[str] = None):
        self.library = library


class DatabricksSection(ConfigElement):
    _fields = ("maven_libraries", "pypi_libraries", "rcran_libraries", "jar_libraries", "egg_libraries")

    def __init__(self, **kwargs: Any):
        warn_of_unused("DatabricksSection", **kwargs)
        self.maven_libraries: List[MavenLibrary] = []
        self.pypi_libraries: List[PyPiLibrary] = []
        self.rcran_libraries: List[RCranLibrary] = []
        self.jar_libraries: List[JarLibrary] = []
        self.egg_libraries: List[EggLibrary] = []
        self._cluster: Optional[DatabricksCluster] = None

    @property
    def cluster(self) -> Optional[DatabricksCluster]:
        return self._cluster

    @cluster.setter
    def cluster(self, cluster: Optional[DatabricksCluster]) -> None:
        if cluster is not None:
            cluster.validate()
        self._cluster = cluster


class DatabricksEnvironment(DatabricksSection):
    """The older name of `DatabricksSection`."""


class DatabricksCluster(ConfigElement):
    _fields = (
        "existing_cluster_id",
        "spark_version",
        "node_type",
        "instance_pool_id",
        "num_workers",
        "min_workers",
        "max_workers",
        "spark_env_variables",
        "spark_conf",
        "init_scripts",
        "cluster_log_dbfs_path",
        "permit_cluster_restart",
    )

    def __init__(self, **settings: Any):
        unknown = set(settings) - set(self._fields)
        if unknown:
            raise TypeError(f"DatabricksCluster has no setting {', '.join(sorted(unknown))}.")
        values: Dict[str, Any] = {field: settings.get(field) for field in self._fields}
        self.__dict__.update(values)

    def validate(self) -> None:
        """Raise UserErrorException unless it names one existing cluster, or the settings of a new one."""
        given = self.__dict__
        existing = given["existing_cluster_id"] is not None
        nodes = given["node_type"] or given["instance_pool_id"]
        new = [given["spark_version"], nodes, given["num_workers"] or given["max_workers"]]
        if existing == any(value is not None for value in new):
            raise UserErrorException("Give either existing_cluster_id, or spark_version, a node type and workers.")
        if not existing and None in new:
            raise UserErrorException("A new cluster needs spark_version, node_type and num_workers (or max_workers).")


__getattr__ = _absent.find_missing(__name__)
