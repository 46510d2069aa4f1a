"""Validation rules for the fields of endpoints (studio/rules.py)."""

import re

from studio.errors import Invalid
from studio.rules import Rule, number_rule, tags_rule, text_rule

NAME = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", re.ASCII)


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


ENDPOINT_NAME = Rule(check_name, "name", {"pattern": f"^{NAME.pattern}$"})
LATENCY_LIMIT = number_rule("limit of latency", 1, 300_000, target="p95")
FAILURE_LIMIT = number_rule("limit of failures", 1, 100, target="failures")
QUIET_LIMIT = number_rule("limit without requests", 1, 1440, target="quiet")
TRAFFIC = number_rule("traffic of a version", 0, 100, target="traffic")
ENTRY_SCRIPT = text_rule("entry script", max_length=500)
MIN_REPLICAS = number_rule("minimum number of replicas", 0, 20, target="minReplicas")
MAX_REPLICAS = number_rule("maximum number of replicas", 1, 20, target="maxReplicas")
PROPERTIES = tags_rule("property", max_count=100)
