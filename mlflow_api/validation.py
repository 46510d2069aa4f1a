"""MLflow's rules for names and sizes. The limit of a page of results is beside each search, as MAX_RESULTS."""

import functools
import posixpath
import re

from mlflow_api.errors import MlflowError, invalid_parameter
from studio.visible_names import problem_with

KEY = re.compile(r"[/\w.\- :]*")
RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}", re.ASCII)
MAX_KEY = 250
MAX_RUN_ID = 256
# MLflow cuts or refuses longer values, depending on its configuration; here they are stored up to these sizes.
MAX_VALUE = 65_536
MAX_NAME = 500
MAX_METRICS, MAX_PARAMS, MAX_TAGS, MAX_ENTITIES = 1000, 100, 100, 1000


@functools.lru_cache(maxsize=10_000)
def check_key(name: str, what: str) -> str:
    """Checks the key of a metric, param or tag; other stores use it as a path, so it must be one."""
    if not name:
        raise invalid_parameter(f"{what} name cannot be empty.")
    if len(name) > MAX_KEY:
        raise invalid_parameter(
            f"{what} name '{name[:60]}…' had length {len(name)}, which exceeded length limit of {MAX_KEY}"
        )
    check_visible_name(name, f"{what} name")
    if not KEY.fullmatch(name):
        raise invalid_parameter(
            f"Invalid value \"{name}\" for parameter '{_field(what)}' supplied: Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    if posixpath.normpath(name) != name or name in (".", "..") or name.startswith(("/", "../")):
        raise invalid_parameter(
            f"Invalid value \"{name}\" for parameter '{_field(what)}' supplied: Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such."
        )
    return name


def _field(what: str) -> str:
    return "name" if what == "Metric" else "key"


def check_value(text: str, what: str, max_length: int = MAX_VALUE) -> str:
    if len(text) > max_length:
        raise invalid_parameter(f"{what} had length {len(text)}, which exceeded length limit of {max_length}")
    return text


def check_visible_name(name: str, what: str) -> str:
    """The studio's own rule for all names from MLflow's clients."""
    problem = problem_with(name)
    if problem:
        raise invalid_parameter(f"{what} {problem}")
    return name


def check_run_id(text: str) -> str:
    if not RUN_ID.fullmatch(text):
        raise invalid_parameter(f"Invalid run ID: '{text[:300]}'")
    return text


def check_experiment_name(name: str) -> str:
    if not name.strip():
        raise invalid_parameter(f"Invalid experiment name: '{name}'")
    return check_value(check_visible_name(name, "Experiment name"), "Experiment name", MAX_NAME)


def check_artifact_location(location: str) -> None:
    """Files are always stored by the studio; a location is checked as in MLflow, so that mistakes are noticed at once."""
    if not location:
        return
    if location.startswith("runs:/"):
        raise invalid_parameter(f"Artifact location cannot be a runs:/ URI. Given: '{location}'")
    path, _, query = location.partition("?")
    if ".." in path.split("/") or ".." in query or "#" in location:
        raise invalid_parameter(f"Invalid artifact location: '{location}'. It must have no fragment and no '..'.")


def check_batch(metrics: int, params: int, tags: int) -> None:
    for count, max_count, what in (
        (metrics, MAX_METRICS, "metrics"),
        (params, MAX_PARAMS, "params"),
        (tags, MAX_TAGS, "tags"),
    ):
        if count > max_count:
            raise invalid_parameter(
                f"A batch logging request can contain at most {max_count} {what}. Got {count} {what}."
            )
    if metrics + params + tags > MAX_ENTITIES:
        raise MlflowError(
            "INVALID_PARAMETER_VALUE",
            f"A batch logging request can contain at most {MAX_ENTITIES} metrics, params and tags in all. "
            f"Got {metrics + params + tags}.",
        )
