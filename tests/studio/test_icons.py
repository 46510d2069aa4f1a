"""An icon means one thing: what stands beside it, on every page, is about that."""

import pathlib
import re
from collections import defaultdict

from studio.icons import ICONS
from studio.shell import ACTIONS, NAV

ROOT = pathlib.Path(__file__).resolve().parents[2]
USE = re.compile(
    r'{% icon "([a-z-]+)" 16 %}\s*(?:<span class="label[^"]*">|{% if [^%]*%})?\s*([A-Z][A-Za-z]*(?: [a-z]+)*)'
)
# Icons with more than one label, and what all of these labels are about. The others have one label.
MEANINGS = {
    "archive": r"Archived?\b|View archived",
    "arrow-left": r"Back|All ",
    "bell": r"Notify",
    "cancel": r"Cancel",
    "close": r"Reset|End now",
    "compare": r"Compare",
    "copy": r"Copy",
    "delete": r"Delete|Remove|Revoke|Empty trash",
    "edit": r"Edit|Update",
    "download": r"Download|CSV|JSON|PNG",
    "flask": r"Experiments|View active",
    "key": r"Access tokens|Tokens",
    "label": r"Data labeling|Label data|Active",
    "model": r"Models|Active",
    "endpoint": r"Endpoints|Deploy",
    "jobs": r"(All )?[jJ]obs",
    "notebook": r"Notebooks|Open in",
    "plus": r"Add|Attach|Create|New|Register|Copy",
    "restore": r"Restore|Unarchive",
    "search": r"Query requests|Trace a request",
    "shield": r".*[sS]econd factors",
    "sign-in": r"Identity providers|Trial sign",
    "sign-out": r"Sign out",
    "switch-off": r"Turn off",
    "switch-on": r"Turn on",
    "table": r"Data|Active|Export",
    "tick": r"Mark all as read|The compute cluster",
    "trash": r"Trash|Deleted",
    "user": r"People|View as",
    "users": r"Users and",
}
# They stand before sentences of all kinds.
STATES = {"info", "warning", "error", "check", "clock"}


def test_an_icon_has_one_meaning():
    labels = defaultdict(set)
    for path in ROOT.glob("templates/**/*.html"):
        for name, label in USE.findall(path.read_text()):
            labels[name].add(label)
    for item in (*NAV, *ACTIONS):
        labels[item.icon].add(item.label)
    wrong = {}
    for name in labels.keys() - STATES:
        others = {label for label in labels[name] if not re.match(MEANINGS.get(name, ""), label)}
        if others or (name not in MEANINGS and len(labels[name]) > 1):
            wrong[name] = sorted(others or labels[name])
    assert wrong == {}
    assert MEANINGS.keys() <= ICONS.keys()


def test_no_two_icons_are_drawn_alike():
    assert len(set(ICONS.values())) == len(ICONS)
