"""Validation rules for the fields of compute targets (studio/rules.py)."""

import re

from django.db.models import TextChoices

from compute import sizes
from studio.errors import Invalid
from studio.formats import parse_iso_duration
from studio.rules import DESCRIPTION, TAGS, Rule, choice_rule, name_rule, number_rule, text_rule
from workspaces.rules import LOCATION


class VmPriority(TextChoices):
    DEDICATED = "Dedicated"
    LOW = "LowPriority", "Low priority"


class Purpose(TextChoices):
    """The purpose of an inference cluster, with Azure's values."""

    PRODUCTION = "FastProd", "Production"
    TESTS = "DevTest", "Development and tests"


def pattern_rule(what: str, pattern: str, allowed: str, *, target: str) -> Rule:
    """A text that matches the whole pattern; `allowed` says so in words."""

    def check(value) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Invalid(f"The {what} is {str(value)[:100]!r}: write {allowed}.", target=target)
        return value

    return Rule(check, target, {"pattern": f"^{pattern}$"})


# No value of these three can be taken for an option of ssh.
ADDRESS = pattern_rule(
    "address", r"[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}", "a host name or an IP address, without a port", target="address"
)
USERNAME = pattern_rule(
    "account",
    r"[A-Za-z_][A-Za-z0-9._-]{0,31}",
    "the name of an account of the machine, such as azureuser",
    target="username",
)
FINGERPRINT = pattern_rule(
    "fingerprint", r"SHA256:[A-Za-z0-9+/]{43}", "SHA256: and 43 characters, as ssh-keygen -lf prints", target="hostKey"
)
SSH_PORT = number_rule("port", 1, 65_535, target="sshPort")
DRAIN_REASON = text_rule("reason", max_length=200, allow_empty=True)
QUARANTINE_REASON = text_rule("reason", max_length=200)
COMPUTE_NAME = name_rule("compute name")
VM_PRIORITY = choice_rule("VM priority", VmPriority.values, target="vmPriority")
PURPOSE = choice_rule("cluster purpose", Purpose.values, target="clusterPurpose")
AGENT_COUNT = number_rule("number of nodes", 1, 100, target="agentCount")
# Azure's requirements for a production cluster.
PRODUCTION_NODES, PRODUCTION_CORES = 3, 12
MIN_NODES = number_rule("minimum number of nodes", 0, 100, target="minNodeCount")
MAX_NODES = number_rule("maximum number of nodes", 1, 100, target="maxNodeCount")
IDLE_SECONDS = number_rule("idle seconds before scale down", 0, 7 * 24 * 3600, target="nodeIdleTimeBeforeScaleDown")


def check_idle_time(value) -> int:
    """Seconds of an ISO 8601 duration such as PT120S or PT2M, or a number of seconds, also as a text."""
    seconds = value
    if isinstance(value, str):
        seconds = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else parse_iso_duration(value)
    if seconds is None or isinstance(seconds, bool) or not isinstance(seconds, int):
        raise Invalid(
            f"The idle time {str(value)[:60]!r} is not a duration: write seconds, or a duration such as PT120S.",
            target=IDLE_SECONDS.target,
        )
    return IDLE_SECONDS.check(seconds)


def check_purpose(purpose: str, count: int, cores_of_node: int) -> None:
    """Check the purpose: a production cluster must still work if one of its nodes fails."""
    enough = count >= PRODUCTION_NODES and count * cores_of_node >= PRODUCTION_CORES
    if purpose == Purpose.PRODUCTION and not enough:
        raise Invalid(
            f"A production cluster needs at least {PRODUCTION_NODES} nodes and {PRODUCTION_CORES} vCPUs; {count} "
            f"node{'s' if count > 1 else ''} of this size have {count * cores_of_node}. Choose more or larger nodes, or {Purpose.TESTS}.",
            target=AGENT_COUNT.target,
        )


def check_size(name: str) -> str:
    return sizes.find_size(name).name if name else ""


IDLE_TIME = Rule(
    check_idle_time,
    IDLE_SECONDS.target,
    {"type": ["integer", "string"], "description": "Seconds, or a duration such as PT120S."},
)
VM_SIZE = Rule(check_size, "vmSize", {"description": "A name of the list vmSizes, in any case."})
# Maps fields of the model to their rules: values that are recorded without effect.
RECORDED_RULES = {"location": LOCATION, "description": DESCRIPTION, "tags": TAGS, "vm_priority": VM_PRIORITY}
