"""Header, navigation and search of every page, and the lists to which apps add entries.

`studio` imports no other app; they add to CARDS, COMMANDS and SEARCHES in their AppConfig.ready.
"""

import dataclasses
import functools
from collections.abc import Callable

from django.urls import NoReverseMatch, get_script_prefix, reverse


@dataclasses.dataclass(frozen=True)
class NavItem:
    """An entry of the left navigation; it is shown once its URL exists, so that there are no dead links."""

    group: str
    label: str
    icon: str
    url_name: str
    key: str = ""
    in_workspace: bool = True

    def url(self, slug: str) -> str:
        """Its URL in the workspace with this slug; empty if there is none."""
        try:
            return reverse(self.url_name, args=[slug] if self.in_workspace else [])
        except NoReverseMatch:
            return ""

    def is_current(self, view_name: str, namespaces: tuple[str, ...]) -> bool:
        """Whether this is the page of the entry, or any page of an app with a single entry."""
        app = self.url_name.partition(":")[0]
        alone = sum(other.url_name.startswith(f"{app}:") for other in NAV) == 1
        return view_name == self.url_name or (alone and app in namespaces)


# In Azure's order and groups. `key` is the second key of the shortcut "g …".
NAV = [
    NavItem("", "All workspaces", "workspaces", "workspaces:list", "w", in_workspace=False),
    NavItem("", "Home", "home", "workspaces:home", "h"),
    NavItem("Authoring", "Notebooks", "notebook", "notebooks:files", "n"),
    NavItem("Assets", "Data", "table", "data:list", "d"),
    NavItem("Assets", "Jobs", "jobs", "runs:jobs", "j"),
    NavItem("Assets", "Environments", "environment", "environments:list", "e"),
    NavItem("Assets", "Models", "model", "registry:list", "m"),
    NavItem("Assets", "Endpoints", "endpoint", "endpoints:list", "p"),
    NavItem("Manage", "Compute", "compute", "compute:list", "c"),
    NavItem("Manage", "Data labeling", "label", "labeling:list", "l"),
    NavItem("Manage", "Cost", "cost", "costs:workspace", "o"),
    NavItem("Manage", "Key vault", "vault", "workspaces:secrets", "k"),
    NavItem("Manage", "Users and permissions", "users", "workspaces:people", "u"),
]


# What can be begun from every page by the palette.
ACTIONS = [
    NavItem("", "Create job", "plus", "runs:job_new"),
    NavItem("", "Create compute cluster", "plus", "compute:cluster_new"),
    NavItem("", "Create compute instance", "plus", "compute:instance_new"),
    NavItem("", "Create inference cluster", "plus", "compute:inference_new"),
    NavItem("", "Create data asset", "plus", "data:new"),
    NavItem("", "Create datastore", "plus", "data:datastore_new"),
    NavItem("", "Create environment", "plus", "environments:new"),
    NavItem("", "Register model", "plus", "registry:register"),
    NavItem("", "Create workspace", "plus", "workspaces:new", in_workspace=False),
]


# The parts of addresses behind the workspace at which several apps have pages, with the app to which these belong.
SECTIONS = {"runs": "runs", "compute": "compute", "data": "data", "models": "registry"}


@dataclasses.dataclass(frozen=True)
class NavLink:
    """A NavItem on one page."""

    label: str
    icon: str
    url: str
    key: str
    is_current: bool


@dataclasses.dataclass(frozen=True)
class NavGroup:
    """The heading, which may be empty, and its entries."""

    title: str
    entries: tuple[NavLink, ...]


# Every page needs it.
@functools.lru_cache(maxsize=10_000)
def _build_nav(slug: str, view_name: str, namespaces: tuple[str, ...], script_prefix: str) -> tuple[NavGroup, ...]:
    groups: dict[str, list[NavLink]] = {}
    for item in NAV:
        url = item.url(slug) if slug or not item.in_workspace else ""
        if url:
            link = NavLink(item.label, item.icon, url, item.key, item.is_current(view_name, namespaces))
            groups.setdefault(item.group, []).append(link)
    return tuple(NavGroup(title, tuple(entries)) for title, entries in groups.items())


@dataclasses.dataclass(frozen=True)
class Hit:
    """A search result in the palette; `kind` is a word such as "Job", `detail` says where it is."""

    title: str
    url: str
    kind: str
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class HomeCard:
    """A card of the workspace's home page: a template and the function `(actor, workspace) -> dict` for its context."""

    template: str
    context: Callable
    position: int = 10  # Lower ones come first.


@dataclasses.dataclass(frozen=True)
class PaletteCommand:
    """A link that an app adds to the command bar of another app's page, such as *Trash* on the properties page."""

    page: str  # The page's view name, such as "workspaces:settings".
    label: str
    icon: str
    url_name: str
    in_workspace: bool = True

    def url(self, workspace) -> str:
        return reverse(self.url_name, args=[workspace.slug] if self.in_workspace else [])


# Functions `(actor, workspace or None, words, limit) -> list[Hit]`.
SEARCHES: list[Callable] = []
CARDS: list[HomeCard] = []
COMMANDS: list[PaletteCommand] = []


class Shell:
    """Computed lazily: partials for htmx have no shell."""

    # Set by workspaces.apps, because this app imports no other.
    workspaces_of: Callable  # (request) -> the workspaces that the person may open
    workspace_of: Callable  # (request, slug) -> one of them, or Http404
    actor_of: Callable  # (request) -> the Actor
    # Set by operations.apps.
    announcements_now: Callable  # () -> the announcements of the administrators

    def __init__(self, request):
        self.request = request

    @property
    def workspace(self):
        """The workspace that the page is about, or None."""
        return getattr(self.request, "workspace", None)

    @property
    def theme(self) -> str:
        return getattr(self.request.user, "theme", "system") if hasattr(self.request, "user") else "system"

    @property
    def person_id(self) -> str:
        """The id of the person who is signed in; scripts give nobody what another person has entered."""
        user = getattr(self.request, "user", None)
        return str(user.pk) if user is not None and user.is_authenticated else ""

    @property
    def nav_state(self) -> str:
        return "collapsed" if self.request.COOKIES.get("nav") == "collapsed" else "open"

    @functools.cached_property
    def workspaces(self) -> list:
        return Shell.workspaces_of(self.request)

    @functools.cached_property
    def announcements(self) -> list:
        """For people who are signed in."""
        user = getattr(self.request, "user", None)
        return Shell.announcements_now() if user is not None and user.is_authenticated else []

    @functools.cached_property
    def nav(self) -> tuple[NavGroup, ...]:
        """Without empty groups."""
        match = self.request.resolver_match
        page = (match.view_name, self._find_apps(match)) if match else ("", ())
        return _build_nav(self.workspace.slug if self.workspace else "", *page, get_script_prefix())

    def _find_apps(self, match) -> tuple[str, ...]:
        """The apps of the page. What another one shows of a job, compute, data or a model, at an address below it, belongs there."""
        section = match.route.removeprefix("ws/<slug:slug>/").partition("/")[0]
        return (SECTIONS[section],) if section in SECTIONS else tuple(match.namespaces)

    def commands(self) -> list[dict]:
        """The links that other apps add to this page: [{"label", "icon", "url"}]."""
        match = self.request.resolver_match
        page = match.view_name if match else ""
        found = [command for command in COMMANDS if command.page == page]
        return [{"label": one.label, "icon": one.icon, "url": one.url(self.workspace)} for one in found]


def context(request) -> dict:
    return {"shell": Shell(request)}
