"""How the container of a job runs, where a machine of its target has a container engine."""

from collections.abc import Iterator, Mapping
from typing import Any

from lazuli.environments.images import read_wanted_image

from assets import variables
from compute.models import ComputeTarget, Host
from runs.job_resources import SHM_SIZE, VARIABLES, is_size, read_container_arguments, split_container_arguments

# Azure's own; that of an engine is too small for loaders of data with several processes.
DEFAULT_SIZE = "2g"


def read_container(properties: Mapping, environment: Mapping, target: ComputeTarget | None) -> dict:
    """The runner's `container` of a job whose environment asks for an image, for spec.py; else empty."""
    docker = _docker(properties.get("runDefinition") or {})
    use_docker = bool(docker.get("useDocker"))
    if target is None or read_wanted_image(environment, use_docker) is None:
        return {}
    given = list(_list_arguments(properties, environment))
    sizes = [
        docker.get("shmSize"),
        (properties.get("resources") or {}).get("shmSize"),
        _docker(environment).get("shmSize"),
    ]
    # SDK v1 always sends its default.
    sizes = sorted((text for text in sizes if is_size(text)), key=lambda text: text == DEFAULT_SIZE)
    for arguments in given:
        sizes = [value for name, value in _list_options(arguments) if name == SHM_SIZE] + sizes
    return {
        "use_docker": use_docker,
        "shm_size": sizes[0] if sizes else DEFAULT_SIZE,
        "is_warned": not has_container_engine(target),
    }


def read_variables(properties: Mapping, environment: Mapping) -> dict[str, str]:
    """The environment variables among the arguments for a container."""
    found = {}
    for arguments in _list_arguments(properties, environment):
        for name, value in _list_options(arguments):
            if name in VARIABLES:
                key, _, text = value.partition("=")
                found[key] = text
    return variables.check_variables(found, "docker/arguments")


def has_container_engine(target: ComputeTarget) -> bool:
    """Whether a machine on which its nodes can run has one, connected now or later."""
    hosts = Host.objects.filter(detached_at=None).exclude(container_engine="")
    return (hosts.filter(attached=target.attached) if target.is_attached else hosts).exists()


def are_used(arguments: Any) -> bool:
    """Whether a container uses all of these arguments."""
    return split_container_arguments(arguments) is not None


def are_amounts(arguments: Any) -> bool:
    """Whether they are only resources that the job requests of its node, which are used without a container too."""
    pairs = split_container_arguments(arguments)
    return pairs is not None and len(read_container_arguments(arguments) or {}) == len(pairs)


def _docker(definition: Mapping) -> Mapping:
    docker = definition.get("docker")
    return docker if isinstance(docker, Mapping) else {}


def _list_arguments(properties: Mapping, environment: Mapping) -> Iterator[Any]:
    resources = properties.get("resources") or {}
    definition = properties.get("runDefinition") or {}
    for given in (
        _docker(definition).get("arguments"),
        resources.get("dockerArgs"),
        _docker(environment).get("arguments"),
    ):
        if are_used(given):
            yield given


def _list_options(arguments: Any) -> list[tuple[str, str]]:
    return split_container_arguments(arguments) or []
