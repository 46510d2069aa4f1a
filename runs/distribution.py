"""The nodes and processes of a job, from SDK v1's run configuration or Azure's body of a job."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from studio.errors import Invalid

MAX_NODES, MAX_PROCESSES = 100, 1000
# The communicators of SDK v1, and the distributions of the body, by what is started for them.
KINDS = {
    "intelmpi": "mpi",
    "openmpi": "mpi",
    "mpi": "mpi",
    "nccl": "pytorch",
    "gloo": "pytorch",
    "pytorch": "pytorch",
    "parameterserver": "tensorflow",
    "tensorflow": "tensorflow",
}


@dataclasses.dataclass(frozen=True)
class Distribution:
    kind: str = ""
    node_count: int = 1
    processes_per_node: int = 1
    # For TensorFlow: the first nodes are workers, the others parameter servers.
    worker_count: int = 0

    @property
    def spec(self) -> dict:
        """For the runner; nothing for one process on one node."""
        if self == Distribution():
            return {}
        return {"node_count": self.node_count, "distribution": dataclasses.asdict(self)}


def read_distribution(properties: Mapping) -> Distribution:
    definition = properties.get("runDefinition") or {}
    nodes = _count((properties.get("resources") or {}).get("instanceCount"), "resources/instanceCount", MAX_NODES)
    body = properties.get("distribution") or {}
    if body:
        return _of_body(body, nodes)
    communicator = str(definition.get("communicator") or "None")
    if communicator == "None":
        return Distribution("", max(nodes, _count(definition.get("nodeCount"), "runDefinition/nodeCount", MAX_NODES)))
    return _of_definition(definition, communicator, nodes)


def _of_body(body: Mapping, nodes: int) -> Distribution:
    kind = _kind(body.get("distributionType"), "distribution/distributionType")
    if kind == "tensorflow":
        return _of_tensorflow(body, "distribution", nodes)
    return Distribution(
        kind, nodes, _count(body.get("processCountPerInstance"), "distribution/processCountPerInstance")
    )


def _of_definition(definition: Mapping, communicator: str, nodes: int) -> Distribution:
    kind = _kind(communicator, "runDefinition/communicator")
    if kind == "tensorflow":
        return _of_tensorflow(definition.get("tensorflow") or {}, "runDefinition/tensorflow", nodes)
    nodes = max(nodes, _count(definition.get("nodeCount"), "runDefinition/nodeCount", MAX_NODES))
    if kind == "mpi":
        per_node = (definition.get("mpi") or {}).get("processCountPerNode")
        return Distribution(kind, nodes, _count(per_node, "runDefinition/mpi/processCountPerNode"))
    target = "runDefinition/pytorch/processCount"
    total = _count((definition.get("pytorch") or {}).get("processCount") or nodes, target)
    if total % nodes:
        raise Invalid(f"{total} processes cannot be divided evenly among {nodes} nodes.", target=target)
    return Distribution(kind, nodes, total // nodes)


def _of_tensorflow(content: Mapping, target: str, nodes: int) -> Distribution:
    workers = _count(content.get("workerCount"), f"{target}/workerCount", MAX_NODES)
    servers = content.get("parameterServerCount")
    servers = 0 if not servers else _count(servers, f"{target}/parameterServerCount", MAX_NODES)
    if nodes not in (1, workers + servers):
        text = f"{workers} workers and {servers} parameter servers need {workers + servers} nodes, not {nodes}."
        raise Invalid(text, target=target)
    return Distribution("tensorflow", workers + servers, 1, workers)


def _kind(word: Any, target: str) -> str:
    kind = KINDS.get(str(word).lower())
    if kind is None:
        raise Invalid(f"{word!r} is not a kind of distributed job: write PyTorch, Mpi or TensorFlow.", target=target)
    return kind


def _count(value: Any, target: str, max_value: int = MAX_PROCESSES) -> int:
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= max_value:
        raise Invalid(f"{value!r} is not a number from 1 to {max_value}.", target=target)
    return value
