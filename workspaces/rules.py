"""Rules for the fields of workspaces and their members (studio/rules.py)."""

import re

from studio import names
from studio.errors import Invalid
from studio.rules import DESCRIPTION, TAGS, Rule, choice_rule, name_rule, text_rule
from workspaces.models import Role

SUBSCRIPTION = name_rule("subscription")
RESOURCE_GROUP = name_rule("resource group name")
WORKSPACE_NAME = name_rule("workspace name")
DISPLAY_NAME = text_rule("display name", max_length=100, allow_empty=True)
FRIENDLY_NAME = text_rule("friendly name", max_length=100, allow_empty=True)
SKU = text_rule("sku", max_length=20, allow_empty=True)
ROLE = choice_rule("role", Role.values, target="role")
GROUP_NAME = text_rule("group name", max_length=100)
CLAIM_VALUE = text_rule("claim value", max_length=200)
PROVIDER_NAME = text_rule("provider name", max_length=40)
GROUP_DESCRIPTION = text_rule("description", max_length=500, allow_empty=True)
FULL_NAME = text_rule("full name", max_length=150, allow_empty=True)
# Latin letters only, so that no name looks like another.
USERNAME_PATTERN = re.compile(r"[a-zA-Z0-9][\w.@+-]{0,149}", re.ASCII)
USERNAME_RULE = "letters, digits and . @ + _ -, starting with a letter or digit, at most 150"


def check_location(text) -> str:
    location = names.check_text(text, "location", max_length=40, allow_empty=True).replace(" ", "").lower()
    if location and not (location.isascii() and location.isalnum()):
        raise Invalid(f"location={text!r}: write letters and digits, such as eastus.", target="location")
    return location


def check_username(text) -> str:
    if not USERNAME_PATTERN.fullmatch(text):
        raise Invalid(f"{text!r} is not a user name: use {USERNAME_RULE}.", target="username")
    return text


def resource_name_rule(what: str) -> Rule:
    """The name of an associated resource; of a resource id, the last part."""

    def check(text) -> str:
        name = names.check_text(text, what, max_length=1000, allow_empty=True).rstrip("/").rpartition("/")[2]
        return names.check_text(name, what, max_length=100, allow_empty=True)

    return Rule(check, names.wire_name(what), {"maxLength": 1000})


LOCATION = Rule(check_location, "location", {"maxLength": 40, "description": "Letters and digits, such as eastus."})
USERNAME = Rule(check_username, "username", {"maxLength": 150, "description": USERNAME_RULE})
STORAGE_ACCOUNT = resource_name_rule("storage account")
KEY_VAULT = resource_name_rule("key vault")
APPLICATION_INSIGHTS = resource_name_rule("application insights")
CONTAINER_REGISTRY = resource_name_rule("container registry")
# Maps fields of the model to their rules.
WORKSPACE_RULES = {
    "location": LOCATION,
    "friendly_name": FRIENDLY_NAME,
    "description": DESCRIPTION,
    "tags": TAGS,
    "sku": SKU,
    "storage_account": STORAGE_ACCOUNT,
    "key_vault": KEY_VAULT,
    "application_insights": APPLICATION_INSIGHTS,
    "container_registry": CONTAINER_REGISTRY,
}
