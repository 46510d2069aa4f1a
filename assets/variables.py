"""Environment variables of a job or of an environment."""

import re

from studio import names
from studio.errors import Invalid

MAX_VARIABLES = 1_000
MAX_VARIABLE_LENGTH = 32_000
VARIABLE = re.compile(r"[^=\0\s]{1,256}")
# Set by the runner; a job that sets them could pass for another run or load its own code into the runner.
RESERVED = re.compile(
    r"AZUREML_(RUN_.*|ARM_.*|SERVICE_ENDPOINT|WORKSPACE_ID|EXPERIMENT_ID)|LD_.*|LAZULI_(URL|TOKEN|LIFELINE_FD)", re.I
)


def check_variables(given: dict | None, target: str) -> dict[str, str]:
    """The variables as texts; refuses those with which no script can be started."""
    given = given or {}
    if len(given) > MAX_VARIABLES:
        raise Invalid(f"{len(given)} environment variables are given; {MAX_VARIABLES} are allowed.", target=target)
    for name in given:
        if not VARIABLE.fullmatch(name):
            text = (
                f"{name!r} cannot be the name of an environment variable: no =, spaces or NUL, at most 256 characters."
            )
            raise Invalid(text, target=target)
        if RESERVED.fullmatch(name):
            raise Invalid(f"The environment variable {name} is set by the studio; choose another name.", target=name)
    return {
        name: names.check_text(
            "" if value is None else str(value),
            f"environment variable {name}",
            max_length=MAX_VARIABLE_LENGTH,
            allow_empty=True,
            allow_lines=True,
        )
        for name, value in given.items()
    }
