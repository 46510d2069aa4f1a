"""An environment's definition for its page: packages, including those that a machine leaves out, variables, image."""

import dataclasses

from lazuli.environments.cache import BuildFailed
from lazuli.environments.images import is_default_image
from lazuli.environments.requirements import requirements_from_conda

from assets import environments

# Packages that a page lists.
MAX_SHOWN = 300


@dataclasses.dataclass(frozen=True)
class EnvironmentDefinition:
    """`problems` are the lines that no machine can install, with the messages of a build."""

    conda_text: str
    python: str
    packages: list[str]
    hidden: int
    pip_packages: list[str]
    pip_hidden: int
    variables: dict[str, str]
    image: str | None
    has_dockerfile: bool
    # Nobody has chosen it.
    is_default_image: bool
    interpreter: str
    problems: list[str]


def describe_definition(definition: dict) -> EnvironmentDefinition:
    part = definition.get("python") or {}
    items = (part.get("condaDependencies") or {}).get("dependencies") or []
    packages = [item for item in items if isinstance(item, str)]
    pip = [line for item in items if isinstance(item, dict) for line in item.get("pip") or []]
    docker = definition.get("docker") or {}
    python, problems = _read_for_machine(part)
    return EnvironmentDefinition(
        conda_text=environments.format_conda(definition) or "",
        python=python,
        packages=packages[:MAX_SHOWN],
        hidden=max(0, len(packages) - MAX_SHOWN),
        pip_packages=pip[:MAX_SHOWN],
        pip_hidden=max(0, len(pip) - MAX_SHOWN),
        variables={name: "" if value is None else str(value) for name, value in _variables(definition)},
        image=docker.get("baseImage"),
        has_dockerfile=bool(docker.get("baseDockerfile")),
        is_default_image=is_default_image(docker.get("baseImage")),
        interpreter=str(part.get("interpreterPath") or "") if part.get("userManagedDependencies") else "",
        problems=problems,
    )


def _variables(definition: dict):
    return (definition.get("environmentVariables") or {}).items()


def _read_for_machine(python: dict) -> tuple[str, list[str]]:
    """The Python version that a machine would use, and its messages about the lines before a build."""
    try:
        wanted = requirements_from_conda(python.get("condaDependencies"))
    except BuildFailed as error:
        return "", [str(error)]
    return wanted.python_wish, wanted.warnings
