"""Finding environments by the references in jobs, and registering versions."""

import difflib
import functools
import json
import pathlib
import re

import yaml
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.http import Http404

from assets import variables
from assets.models import Environment, EnvironmentVersion
from assets.rules import ENVIRONMENT_NAME, IMAGE
from studio import numbers
from studio.errors import Conflict, Denied, Invalid
from studio.formats import digest_json
from studio.request_body import check_storable
from studio.rules import DESCRIPTION, TAGS
from studio.yaml_text import load_yaml
from workspaces.models import Workspace

LATEST, AUTO = "latest", "auto"
MAX_VERSION_LENGTH = 30
CONTENT_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
CURATED = pathlib.Path(__file__).with_name("curated.json")
RESERVED = ("azureml-", "microsoft")
MAX_DEFINITION_BYTES = 256 * 1024
# Packages and requirements in an environment; characters of one of them.
MAX_REQUIREMENTS, MAX_REQUIREMENT_LENGTH = 1_000, 1_000
# The packages of the default environment; the SDK sends the same with a run configuration.
DEFAULT_NAME = "default-environment"
DEFAULT_PACKAGES = ("azureml-defaults", "matplotlib", "pandas", "scikit-learn", "numpy", "joblib")
# How many of a workspace's environments are compared with an unknown name, to suggest the closest.
MAX_COMPARED = 200
# When several requests make a version at the same moment, each tries this many times.
TRIES = 10


def resolve_environment(
    workspace: Workspace, environment_id: str | None, definition: dict | None
) -> tuple[dict, EnvironmentVersion | None]:
    """SDK v1's whole environment for a job: the one it carries, the registered one it names, or the default one.

    With it comes the version that it is, if it is registered or curated.
    """
    if environment_id and not definition:
        name, version = parse_reference(environment_id)
        try:
            found = find_version(workspace, name, version)
        except Http404 as error:
            raise Invalid(str(error), target="environmentId") from error
        return found.definition, found
    if definition is None:
        packages = {"dependencies": ["python", {"pip": list(DEFAULT_PACKAGES)}]}
        return definition_from_conda(DEFAULT_NAME, packages, None), None
    return check_definition(definition), find_same_version(workspace, definition)


def find_same_version(workspace: Workspace, definition: dict) -> EnvironmentVersion | None:
    """The registered version that builds the same environment: clients send the complete registered definition."""
    name = definition.get("name")
    if not isinstance(name, str) or not name:
        return None
    if name in curated_environments():
        versions = [curated_environments()[name]]
    else:
        rows = EnvironmentVersion.objects.filter(environment__workspace=workspace, environment__name=name[:255])
        versions = list(rows.select_related("environment")[:MAX_COMPARED])
    wanted = _built_content(definition)
    return next((version for version in versions if _built_content(version.definition) == wanted), None)


def _built_content(definition: dict) -> tuple:
    """The part of a definition that a node reads."""
    python = definition.get("python") or {}
    variables_of = {name: str(value) for name, value in (definition.get("environmentVariables") or {}).items()}
    return bool(python.get("userManagedDependencies")), python.get("condaDependencies") or {}, variables_of


def parse_reference(environment_id: str) -> tuple[str, str]:
    """Name and version from `name:version`, `name@latest` or `name`, each with or without `azureml:`, or from an ARM id."""
    text = environment_id.strip().rstrip("/")
    if "/environments/" in text:
        name, _, version = text.rpartition("/environments/")[2].partition("/versions/")
        return name, version or LATEST
    text = text.removeprefix("azureml:")
    for mark in ("@", ":"):
        if mark in text:
            name, _, version = text.rpartition(mark)
            return name, version
    return text, LATEST


def find_version(workspace: Workspace, name: str, version: str) -> EnvironmentVersion:
    """A version of the workspace's or a curated environment; Http404 lists the existing ones."""
    if name in curated_environments():
        present = curated_environments()[name]
        if version in (LATEST, present.version):
            return present
        raise Http404(f"The curated environment {name} has the version {present.version}, not {version!r}.")
    versions = EnvironmentVersion.objects.filter(environment__workspace=workspace, environment__name=name)
    version = _shorten_hash(version)
    found = versions.first() if version == LATEST else versions.filter(version=version).first()
    if found is None:
        raise Http404(_absent(workspace, name, version, versions))
    return found


def _absent(workspace, name, version, versions) -> str:
    there = list(versions.values_list("version", flat=True)[:20])
    if there:
        return f"The environment {name} has no version {version!r}; it has {', '.join(there)}."
    refused = {each.lower(): item for item in _read_curated() if "unavailable" in item for each in item["names"]}
    if name.lower() in refused:
        item = refused[name.lower()]
        return f"{name!r} is not available: {item['unavailable']}. The nearest: {', '.join(item['nearest'])}."
    own = list(workspace.environments.values_list("name", flat=True)[:MAX_COMPARED])
    names = {each.lower(): each for each in [*own, *curated_environments()]}
    near = difflib.get_close_matches(name[:255].lower(), names, n=5, cutoff=0.5)
    if near:
        return f"There is no environment {name!r}. The nearest: {', '.join(names[each] for each in near)}."
    return (
        f"There is no environment {name!r}. There are: {', '.join([*own[:20], *list(curated_environments())[:5]])}, …"
    )


def register_version(
    workspace: Workspace, user, name: str, version: str, properties: dict
) -> tuple[EnvironmentVersion, bool]:
    """Register a version and return whether it is new. A version never changes; the same content again is accepted."""
    ENVIRONMENT_NAME.check(name)
    if name.lower().startswith(RESERVED):
        raise Invalid(
            f"{name!r}: names that begin with AzureML- or Microsoft are for curated environments.", target="name"
        )
    fields, version = _fields(name, properties), _shorten_hash(version)
    environment = Environment.objects.get_or_create(workspace=workspace, name=name)[0]
    for _ in range(TRIES):
        present = _has_same_definition(environment, version, fields["digest"])
        if present:
            return present, False
        try:
            return _create_version(environment, user, version, fields), True
        except IntegrityError:
            # Another request took the number; try again.
            continue
    raise Conflict(f"Someone else registered {name} at the same moment. Try again.", target="version")


def remove_version(version: EnvironmentVersion) -> None:
    """Remove a version, and the environment with its last one. Jobs keep their own copy."""
    _check_own(version)
    with transaction.atomic():
        version.delete()
        if not version.environment.versions.exists():
            version.environment.delete()


def remove_environment(version: EnvironmentVersion) -> None:
    """Remove the environment of this version with all versions."""
    _check_own(version)
    version.environment.delete()


def _check_own(version: EnvironmentVersion) -> None:
    if version.pk is None:
        raise Denied(f"{version.environment.name} is a curated environment; it cannot be deleted.")


def _has_same_definition(environment: Environment, version: str, digest: str) -> EnvironmentVersion | None:
    if version == AUTO:
        newest = environment.versions.first()
        return newest if newest and newest.digest == digest else None
    present = environment.versions.filter(version=version).first()
    if present and present.digest != digest:
        raise Conflict(
            f"Version {version} of {environment.name} has different content, and a version cannot be changed. Choose another version."
        )
    return present


def _create_version(environment: Environment, user, version: str, fields: dict) -> EnvironmentVersion:
    with transaction.atomic():
        number = (environment.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        word = _next_word(environment, number) if version == AUTO else _version(version)
        return EnvironmentVersion.objects.create(
            environment=environment, version=word, number=number, created_by=user, **fields
        )


def _next_word(environment: Environment, number: int) -> str:
    words = map(numbers.int_or_none, environment.versions.values_list("version", flat=True))
    return str(max([word for word in words if word is not None] + [number - 1]) + 1)


def _shorten_hash(version: str) -> str:
    """Azure's v2 client names an environment without a name by a hash, whose first characters are enough."""
    return version[:MAX_VERSION_LENGTH] if CONTENT_HASH.fullmatch(version) else version


def _version(version: str) -> str:
    ENVIRONMENT_NAME.check(version)
    if len(version) > MAX_VERSION_LENGTH or version.lower() == LATEST:
        raise Invalid(
            f"{version!r} is not a version: use 1 to {MAX_VERSION_LENGTH} letters, digits and . _ -, but not `latest`.",
            target="version",
        )
    return version


def _fields(name: str, properties: dict) -> dict:
    definition = properties.get("definition")
    if properties.get("build"):
        raise Invalid(
            "build: the studio builds no image from a folder. Name an `image`, or register the text of a Dockerfile with "
            "SDK v1's Environment.from_dockerfile().",
            target="build",
        )
    if definition is None:
        conda = read_conda(properties.get("condaFile"))
        definition = definition_from_conda(name, conda, properties.get("image"))
    # The studio sets the version, so it does not make two environments different.
    definition = {**check_definition(definition), "name": name, "version": None}
    return {
        "definition": definition,
        "digest": digest_json(definition),
        "description": DESCRIPTION.check(properties.get("description") or ""),
        "tags": TAGS.check(properties.get("tags")),
    }


def check_definition(definition) -> dict:
    if not isinstance(definition, dict):
        raise Invalid("An environment's definition must be an object.", target="definition")
    if len(json.dumps(definition)) > MAX_DEFINITION_BYTES:
        raise Invalid(f"The environment is larger than {MAX_DEFINITION_BYTES // 1024} KB.", target="definition")
    for part in ("python", "docker", "environmentVariables"):
        if not isinstance(definition.get(part), dict | None):
            raise Invalid(f"`{part}` of an environment's definition must be an object.", target=f"definition/{part}")
    check_conda((definition.get("python") or {}).get("condaDependencies"), "definition/python/condaDependencies")
    for name, value in (definition.get("environmentVariables") or {}).items():
        if not isinstance(value, str | int | float | None):
            raise Invalid(f"The environment variable {name} must be text.", target="definition/environmentVariables")
    variables.check_variables(definition.get("environmentVariables"), "definition/environmentVariables")
    read_image(definition)
    return definition


def check_conda(conda, target: str) -> None:
    """Checks the list of packages, with a `pip:` list of requirements in it: the part of a conda file that a node
    reads."""
    if not isinstance(conda, dict | None):
        raise Invalid("A conda file must be an object with a list `dependencies`.", target=target)
    packages = (conda or {}).get("dependencies") or []
    if not isinstance(packages, list):
        raise Invalid("`dependencies` must be a list, such as [python=3.11, numpy].", target=f"{target}/dependencies")
    count = 0
    for number, item in enumerate(packages):
        lines = item.get("pip") or [] if isinstance(item, dict) else [item]
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise Invalid(
                "A dependency must be a text, such as numpy=1.26, or `pip:` with a list of requirements.",
                target=f"{target}/dependencies/{number}",
            )
        count += len(lines)
        if count > MAX_REQUIREMENTS:
            raise Invalid(f"More than {MAX_REQUIREMENTS} packages are listed.", target=f"{target}/dependencies")
        if any(len(line) > MAX_REQUIREMENT_LENGTH for line in lines):
            raise Invalid(
                f"A package has more than {MAX_REQUIREMENT_LENGTH} characters.",
                target=f"{target}/dependencies/{number}",
            )


def read_conda(text) -> dict:
    """A conda file as data, read by a safe loader, so that it cannot create objects."""
    if not text:
        return {"dependencies": []}
    if not isinstance(text, str) or len(text) > MAX_DEFINITION_BYTES:
        raise Invalid("condaFile is the text of a conda file, at most 256 KB.", target="condaFile")
    try:
        conda = load_yaml(text)
        # Values that are not JSON, such as a date or an infinity, cannot be stored.
        json.dumps(conda, allow_nan=False)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise Invalid(f"condaFile cannot be read: {str(error)[:1000]}", target="condaFile") from error
    if not isinstance(conda, dict):
        raise Invalid("condaFile must be an object with a list `dependencies`.", target="condaFile")
    check_storable(conda, "condaFile")
    check_conda(conda, "condaFile")
    return conda


def definition_from_conda(name: str, conda: dict, image: str | None) -> dict:
    """SDK v1's environment for a conda specification."""
    return {
        "name": name,
        "version": None,
        "python": {"userManagedDependencies": False, "interpreterPath": "python", "condaDependencies": conda},
        "docker": {"baseImage": image},
        "environmentVariables": {},
    }


def read_image(definition: dict) -> str | None:
    image = (definition.get("docker") or {}).get("baseImage")
    return None if image is None else IMAGE.check(image)


def format_conda(definition: dict) -> str | None:
    """The conda file of an environment, for clients that know only this format."""
    python = definition.get("python")
    conda = python.get("condaDependencies") if isinstance(python, dict) else None
    return yaml.safe_dump(conda, sort_keys=False) if conda else None


def list_packages(definition: dict) -> list[str]:
    """The packages of conda and pip, in one list."""
    conda = (definition.get("python") or {}).get("condaDependencies") or {}
    found: list[str] = []
    for item in conda.get("dependencies") or []:
        found += (item.get("pip") or []) if isinstance(item, dict) else [item]
    return [str(line) for line in found if line != "pip"]


@functools.cache
def curated_environments() -> dict[str, EnvironmentVersion]:
    """The curated environments of every workspace, as unsaved rows."""
    found = {}
    for item in _read_curated():
        for name in item["names"] if "dependencies" in item else []:
            definition = definition_from_conda(name, {"name": "azureml", "dependencies": item["dependencies"]}, None)
            found[name] = EnvironmentVersion(
                environment=Environment(name=name),
                version="1",
                number=1,
                definition={**definition, "version": "1"},
                digest=digest_json(definition),
                description=item["description"],
            )
    return found


@functools.cache
def _read_curated() -> list[dict]:
    """The curated environments, and names of Azure's that are not available, with the reason and what is nearest."""
    return json.loads(CURATED.read_text())
