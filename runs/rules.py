"""Validation rules for the fields of runs and experiments (studio/rules.py). MLflow's clients may write more:
mlflow_api/validation.py."""

from studio.errors import Invalid
from studio.rules import Rule, name_rule, tags_rule, text_rule

MAX_TIMEOUT_SECONDS = 30 * 24 * 3600


def check_job_type(value) -> str:
    if value != "Command":
        raise Invalid(f"jobType={value!r} cannot be run here; write Command.", target="jobType")
    return value


def check_timeout(seconds: int) -> int:
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise Invalid(f"A timeout of {seconds} seconds is not between 1 second and 30 days.", target="limits/timeout")
    return seconds


TIMEOUT = Rule(check_timeout, "limits/timeout", {"minimum": 1, "maximum": MAX_TIMEOUT_SECONDS})
RUN_ID = name_rule("run id")
EXPERIMENT_NAME = name_rule("experiment name")
DISPLAY_NAME = text_rule("display name", max_length=256)
# The display name of a new run: without one its id is shown.
DISPLAY_NAME_OR_EMPTY = text_rule("display name", max_length=256, allow_empty=True)
METRIC_NAME = text_rule("metric name", max_length=255)
JOB_TYPE = Rule(check_job_type, "jobType", {"enum": ["Command"]})
MAX_COMMAND_LENGTH = 100_000
COMMAND = text_rule("command", max_length=MAX_COMMAND_LENGTH, allow_empty=True, allow_lines=True)
RUN_TYPE = text_rule("run type", max_length=60, allow_empty=True)
TARGET = text_rule("target", max_length=64, allow_empty=True)
PROPERTIES = tags_rule("property", max_count=200)
PARAMETERS = tags_rule("parameter", max_count=1000)
VIEW_NAME = text_rule("name of the view", max_length=100)
