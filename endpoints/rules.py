"""Validation rules for the fields of endpoints (studio/rules.py)."""

import re
from collections.abc import Mapping

from studio.errors import Invalid
from studio.rules import Rule, choice_rule, number_rule, tags_rule, text_rule

NAME = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", re.ASCII)

DURATION = re.compile(r"PT(?:(\d{1,3})H)?(?:(\d{1,5})M)?(?:(\d{1,6}(?:\.\d{1,6})?)S)?", re.ASCII)
MAX_TIMEOUT = 300
# Gigabytes of a replica.
MIN_MEMORY, MAX_MEMORY = 0.1, 10_000


def check_name(value) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Invalid(
            f"The name of the endpoint, or of its version, is {str(value)[:60]!r}: write 3 to 32 lower-case letters, digits and dashes; the first "
            "is a letter, the last a letter or digit.",
            target="name",
        )
    return value


def check_key(value) -> str:
    if not isinstance(value, str) or not 8 <= len(value) <= 200 or not value.isascii() or not value.isprintable():
        raise Invalid("A key has 8 to 200 printable characters.", target="key")
    return value


def read_seconds(text: str) -> float:
    """The seconds of a duration of ISO 8601, in which a request must be answered."""
    found = DURATION.fullmatch(text)
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 0 < total <= MAX_TIMEOUT:
        raise Invalid(
            f"The time-out of a request is {text[:40]!r}: write a duration of up to {MAX_TIMEOUT} seconds, such as PT5S.",
            target="requestTimeout",
        )
    return total


def check_request_timeout(value) -> str:
    read_seconds(value)
    return str(value)


def check_memory(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not MIN_MEMORY <= value <= MAX_MEMORY:
        raise Invalid(
            f"The memory of a replica is {value!r}: write gigabytes from {MIN_MEMORY} to {MAX_MEMORY:,}.",
            target="memoryGB",
        )
    return float(value)


ENDPOINT_NAME = Rule(check_name, "name", {"pattern": f"^{NAME.pattern}$"})
LATENCY_LIMIT = number_rule("limit of latency", 1, 300_000, target="p95")
FAILURE_LIMIT = number_rule("limit of failures", 1, 100, target="failures")
QUIET_LIMIT = number_rule("limit without requests", 1, 1440, target="quiet")
GUARD_FAILURES = number_rule("limit of failures", 0, 100, target="failures")
GUARD_P95 = number_rule("limit of latency", 0, 1000, target="p95")
GUARD_REQUESTS = number_rule("number of requests", 1, 100_000, target="requests")
REPLAY_COUNT = number_rule("number of requests", 1, 200, target="count")
TRAFFIC = number_rule("traffic of a version", 0, 100, target="traffic")
ENTRY_SCRIPT = text_rule("entry script", max_length=500)
MIRROR = number_rule("share of mirrored requests", 0, 50, target="mirrorTraffic")
REQUEST_TIMEOUT = Rule(check_request_timeout, "requestTimeout", {"pattern": "^PT"})
INSTANCE_TYPE = text_rule("instance type", max_length=100)
AUTH_MODE = choice_rule("authentication mode", ("Key", "AMLToken", "None"), target="authMode")
CONCURRENCY = number_rule("number of concurrent requests", 1, 64, target="maxConcurrentRequestsPerInstance")
LOG_LINES = number_rule("number of lines", 1, 1_000_000, target="tail")
MIN_REPLICAS = number_rule("minimum number of replicas", 0, 20, target="minReplicas")
MAX_REPLICAS = number_rule("maximum number of replicas", 1, 20, target="maxReplicas")
CORES = number_rule("number of cores of a replica", 1, 1000, target="cores")
MEMORY = Rule(check_memory, "memoryGB", {"minimum": MIN_MEMORY, "maximum": MAX_MEMORY})
AUTHENTICATION = choice_rule("authentication", ("key", "token", "none"), target="authentication")
PROPERTIES = tags_rule("property", max_count=100)


def check_mirrors(mirrors: Mapping[str, int], shares: Mapping[str, int]) -> dict[str, int]:
    """The copies by version; as in Azure one version gets them, which answers no requests itself."""
    found = {name: MIRROR.check(share) for name, share in mirrors.items() if share}
    if len(found) > 1:
        raise Invalid(f"Only one version can get copies of requests, not {', '.join(found)}.", target="mirrorTraffic")
    for name in found:
        if shares.get(name):
            raise Invalid(
                f"{name} gets requests itself ({shares[name]} %): it can have traffic or copies, not both.",
                target="mirrorTraffic",
            )
    return found
