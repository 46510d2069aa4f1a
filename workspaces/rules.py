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
ROLE_DESCRIPTION = text_rule("description", max_length=2000, allow_empty=True, allow_lines=True)
MAX_ACTIONS = 500
ACTION = re.compile(r"[\w.*/-]{1,300}", re.ASCII)
SCOPE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<group>[^/]+)"
    r"(?:/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+))?)?/?",
    re.IGNORECASE,
)
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


def check_role_name(text) -> str:
    name = names.check_text(text, "name of the role", max_length=100, target="Name")
    if name.lower() in {one.lower() for one in Role.values}:
        raise Invalid(f"{name} is a built-in role. Choose another name.", target="Name")
    return name


def actions_rule(field: str, *, allow_empty: bool) -> Rule:
    def check(actions: list[str]) -> list[str]:
        if not (actions or allow_empty) or len(actions) > MAX_ACTIONS:
            raise Invalid(f"{field}: write a list of 1 to {MAX_ACTIONS} actions.", target=field)
        if wrong := [one for one in actions if not ACTION.fullmatch(one)]:
            raise Invalid(
                f"{field}: {wrong[0][:100]!r} is not an action, such as "
                "Microsoft.MachineLearningServices/workspaces/experiments/runs/read, with * for any text.",
                target=field,
            )
        return actions

    return Rule(check, field, {"maxItems": MAX_ACTIONS} | ({} if allow_empty else {"minItems": 1}))


def check_scopes(scopes: list[str]) -> list[str]:
    if not scopes:
        raise Invalid('AssignableScopes: write a list such as ["/subscriptions/<id>"].', target="AssignableScopes")
    if wrong := [one for one in scopes if one != "/" and not SCOPE.fullmatch(one)]:
        raise Invalid(
            f"AssignableScopes: {wrong[0][:200]!r} is not the address of a subscription, resource group or workspace.",
            target="AssignableScopes",
        )
    return [one if one == "/" else one.rstrip("/") for one in scopes]


def resource_name_rule(what: str) -> Rule:
    """The name of an associated resource; of a resource id, the last part."""

    def check(text) -> str:
        name = names.check_text(text, what, max_length=1000, allow_empty=True).rstrip("/").rpartition("/")[2]
        return names.check_text(name, what, max_length=100, allow_empty=True)

    return Rule(check, names.wire_name(what), {"maxLength": 1000})


ROLE_NAME = Rule(check_role_name, "Name", {"minLength": 1, "maxLength": 100})
ACTIONS = actions_rule("Actions", allow_empty=False)
NOT_ACTIONS = actions_rule("NotActions", allow_empty=True)
ASSIGNABLE_SCOPES = Rule(check_scopes, "AssignableScopes", {"minItems": 1})
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
