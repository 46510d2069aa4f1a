"""The resources that a workspace brings along, as Azure has them: storage account, key vault, Application Insights and
container registry. Apps register what is in them.
"""

import dataclasses
from collections.abc import Callable, Iterable

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from accounts.activity import Activity
from studio.formats import format_count
from workspaces.models import Workspace
from workspaces.resources import PROVIDERS
from workspaces.vault.models import SecretVersion


@dataclasses.dataclass(frozen=True)
class Kind:
    """`slug` is in the address of its page, `field` is the field of the workspace with its name."""

    slug: str
    field: str
    title: str
    text: str

    @property
    def type(self) -> str:
        return PROVIDERS[self.field]


@dataclasses.dataclass(frozen=True)
class Fact:
    """`url` is the page that shows more."""

    label: str
    value: str
    url: str = ""


@dataclasses.dataclass(frozen=True)
class Resource:
    kind: Kind
    workspace: Workspace
    name: str

    @property
    def arm_id(self) -> str:
        return f"{self.workspace.resource_group.arm_id}/providers/{self.kind.type}/{self.name}"


STORAGE = Kind("storage", "storage_account", "Storage account", "The files of jobs, code, models and data.")
KEY_VAULT = Kind("key-vault", "key_vault", "Key vault", "Secrets, encrypted with a key outside the database.")
INSIGHTS = Kind("insights", "application_insights", "Application Insights", "Requests to endpoints, and their errors.")
REGISTRY = Kind(
    "registry",
    "container_registry",
    "Container registry",
    "Environments. Machines build them as virtual environments and keep them in a cache, so there are no images.",
)
KINDS = {kind.slug: kind for kind in (STORAGE, KEY_VAULT, INSIGHTS, REGISTRY)}

Provider = Callable[[Workspace], Iterable[Fact]]
FACTS: dict[Kind, list[Provider]] = {kind: [] for kind in KINDS.values()}
# What is deleted with a workspace, and what is no longer paid then.
CONTENTS: list[Provider] = []
# The cost of this month as texts, by the keys of workspaces.
MONTH_COSTS: list[Callable[[list[int]], dict[int, str]]] = []


def list_resources(workspace: Workspace) -> list[Resource]:
    """The resources that have a name; a workspace need not have a container registry."""
    named = [(kind, getattr(workspace, kind.field)) for kind in KINDS.values()]
    return [Resource(kind, workspace, name) for kind, name in named if name]


def list_facts(kind: Kind, workspace: Workspace) -> list[Fact]:
    return [fact for provider in FACTS[kind] for fact in provider(workspace)]


def list_contents(workspace: Workspace) -> list[Fact]:
    return [fact for provider in CONTENTS for fact in provider(workspace)]


def read_month_costs(workspaces: Iterable[Workspace]) -> dict[int, str]:
    keys = [workspace.pk for workspace in workspaces]
    return {key: text for provider in MONTH_COSTS for key, text in provider(keys).items()}


def count_or_none(label: str, noun: str, number: int, url: str = "") -> list[Fact]:
    """A fact for the list of what is deleted; nothing if there is none."""
    return [Fact(label, format_count(number, noun), url)] if number else []


def describe_vault(workspace: Workspace) -> Iterable[Fact]:
    url = reverse("workspaces:secrets", args=[workspace.slug])
    yield Fact("Secrets", f"{workspace.secrets.readable().count():,}", url)
    versions = SecretVersion.objects.filter(secret__workspace=workspace, secret__internal=False)
    yield Fact("Versions", f"{versions.count():,}", url)
    start = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rows = Activity.objects.filter(chain=workspace.pk, verb="secret.read", at__gte=start).order_by()
    reads = dict(rows.values_list("outcome").annotate(Count("pk")))
    activity = f"{reverse('workspaces:activity', args=[workspace.slug])}?verb=secret.read"
    yield Fact("Reads this month", f"{reads.get(Activity.Outcome.DONE, 0):,}", activity)
    refused = sum(number for outcome, number in reads.items() if outcome != Activity.Outcome.DONE)
    yield Fact("Refused or failed", f"{refused:,}", activity)


FACTS[KEY_VAULT].append(describe_vault)
