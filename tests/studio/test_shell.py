"""What is around every page: navigation, switcher, palette, errors, headers, tags."""

import datetime as dt
import pathlib
import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import engines
from django.test import RequestFactory
from django.utils import timezone

from studio.icons import ICONS
from studio.templatetags import studio as tags
from tests import factories
from tests.html import html_of

ROOT = pathlib.Path(__file__).resolve().parents[2]


def render(text: str, **context) -> str:
    return engines["django"].from_string(text).render(context, RequestFactory().get("/?sort=name&page=3"))


def test_navigation_has_no_dead_links(as_user, owner, workspace):
    client = as_user(owner)
    page = client.get("/ws/aml-workspace/").content.decode()
    nav = page.split('id="nav"', 1)[1].split("</nav>", 1)[0]
    links = [part.split('"', 1)[0] for part in nav.split('href="')[1:]]
    assert "/ws/aml-workspace/" in links
    for link in links:
        assert client.get(link).status_code == 200, link


def test_navigation_marks_where_one_is(as_user, bob, workspace):
    page = html_of(as_user(bob).get("/ws/aml-workspace/"))
    nav = page.split('id="nav"', 1)[1].split("</nav>", 1)[0]
    assert nav.count('aria-current="page"') == 1
    assert 'data-key="h" aria-current="page"' in nav
    run, target = factories.make_run(workspace), factories.make_target(workspace, "cpu-cluster")
    pages = {
        f"/ws/aml-workspace/runs/{run.run_id}/lineage/": "j",
        f"/ws/aml-workspace/runs/{run.run_id}/monitoring/": "j",
        "/ws/aml-workspace/experiments/": "j",
        f"/ws/aml-workspace/compute/{target.name}/monitoring/": "c",
        "/ws/aml-workspace/models/": "m",
    }
    for address, key in pages.items():
        page = html_of(as_user(bob).get(address))
        assert re.findall(r'data-key="(.)" aria-current="page"', page) == [key], address


def test_navigation_stays_collapsed(as_user, bob, workspace):
    client = as_user(bob)
    assert 'data-nav="open"' in client.get("/").content.decode()
    client.cookies["nav"] = "collapsed"
    assert 'data-nav="collapsed"' in client.get("/").content.decode()


def test_no_inline_script_anywhere(as_user, owner, workspace):
    client = as_user(owner)
    for url in (
        "/",
        "/ws/aml-workspace/",
        "/ws/aml-workspace/settings/",
        "/workspaces/new/",
        "/api/docs",
        "/account/tokens/",
    ):
        answer = client.get(url)
        page = answer.content.decode()
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        assert "<script>" not in page and "hx-on" not in page and " onclick=" not in page


def test_administration_is_for_staff(as_user, owner, bob):
    assert "/admin/" in as_user(owner).get("/").content.decode()
    assert "/admin/" not in as_user(bob).get("/").content.decode()
    assert as_user(owner).get("/admin/").status_code == as_user(owner).get("/admin/rows/").status_code == 200
    assert as_user(bob).get("/admin/").status_code == 403
    assert as_user(bob).get("/admin/rows/").status_code == 302


@pytest.mark.parametrize(
    "model",
    [
        "workspaces/subscription",
        "workspaces/resourcegroup",
        "workspaces/workspace",
        "workspaces/roleassignment",
        "accounts/user",
        "accounts/token",
        "accounts/signinlink",
        "accounts/devicelogin",
    ],
)
def test_administration_lists_and_searches(as_user, owner, alice, workspace, model):
    factories.make_token(alice)
    assert as_user(owner).get(f"/admin/rows/{model}/", {"q": "a"}).status_code == 200


def test_administration_labels_its_fields(as_user, owner):
    page = as_user(owner).get(f"/admin/rows/accounts/user/{owner.pk}/change/").content.decode()
    assert '<label for="id_last_login_0">' in page


def test_switcher_lists_the_workspaces_of_the_person(as_user, bob, mallory, workspace):
    menu = as_user(bob).get("/switcher/", {"ws": workspace.slug}).content.decode()
    assert workspace.get_absolute_url() in menu and "Download config file" in menu and workspace.location in menu
    assert "Current workspace" not in as_user(bob).get("/switcher/").content.decode()
    assert "You have no workspace yet." in as_user(mallory).get("/switcher/").content.decode()
    assert as_user(mallory).get("/switcher/", {"ws": workspace.slug}).status_code == 404
    assert as_user(bob).post("/switcher/").status_code == 405


def test_palette_runs_actions(as_user, bob, workspace):
    def hits(words: str) -> list[tuple[str, str]]:
        page = as_user(bob).get("/palette/", {"q": words, "ws": workspace.slug}).content.decode()
        return re.findall(r'href="([^"]+)".*?class="hit-title">([^<]+)<', page, re.DOTALL)

    assert hits("dark") == [("#theme-dark", "Dark theme")]
    for words in ("create cluster", "cluster create", "create comp cl"):
        assert (f"/ws/{workspace.slug}/compute/new/cluster/", "Create compute cluster") in hits(words), words
    assert ("/workspaces/new/", "Create workspace") in hits("create")
    assert ("/account/tokens/", "Access tokens") in hits("tokens")


def test_palette_finds_pages_and_workspaces(as_user, bob, workspace):
    factories.make_workspace(name="hidden-workspace")
    hits = as_user(bob).get("/palette/", {"q": "work", "ws": "aml-workspace"}).content.decode()
    assert "All workspaces" in hits and "aml-workspace" in hits
    assert "hidden" not in hits


def test_palette_finds_the_tokens_of_an_account(as_user, bob, workspace):
    assert ">Access tokens<" in as_user(bob).get("/palette/", {"q": "token"}).content.decode()


def test_palette_without_words_offers_pages(as_user, bob, workspace):
    assert ">Home<" in as_user(bob).get("/palette/", {"ws": "aml-workspace"}).content.decode()


def test_palette_says_when_nothing_is_found(as_user, bob, workspace):
    assert "No results for" in as_user(bob).get("/palette/", {"q": "<zzz>"}).content.decode()


def test_palette_of_a_strangers_workspace(as_user, mallory, workspace):
    assert as_user(mallory).get("/palette/", {"q": "x", "ws": "aml-workspace"}).status_code == 404
    assert as_user(mallory).post("/palette/").status_code == 405


def test_errors_are_pages_or_toasts(as_user, bob, workspace):
    client = as_user(bob)
    page = client.post("/ws/aml-workspace/settings/")
    assert page.status_code == 403 and "Ask an Owner" in page.content.decode()
    piece = client.post("/ws/aml-workspace/settings/", headers={"HX-Request": "true"})
    assert piece.status_code == 403 and piece.content == b""
    assert "Ask an Owner" in piece.headers["HX-Trigger"]


def test_not_found_is_a_page_of_ours(as_user, bob):
    answer = as_user(bob).get("/ws/nowhere/")
    assert answer.status_code == 404
    assert "All workspaces" in answer.content.decode()


def test_api_page_names_every_operation(as_user, bob):
    page = as_user(bob).get("/api/docs").content.decode()
    assert "Create or change a workspace" in page
    schema = as_user(bob).get("/api/openapi.json").json()
    assert page.count('class="operation"') == sum(len(methods) for methods in schema["paths"].values())


def test_every_icon_is_used_and_every_action_has_one_of_its_own():
    """A button and a state, or two different buttons, never share an icon."""
    sources = [path.read_text() for path in ROOT.glob("templates/**/*.html")]
    buttons = re.findall(r"<button[^>]*>{% icon \"([a-z-]+)\" 16 %}\s*([A-Z][a-z]+)", "".join(sources))
    meanings = {}
    for name, word in buttons:
        meanings.setdefault(name, set()).add(word)
    states = {symbol for _, symbol in tags.STATUSES.values()}
    assert {name: words for name, words in meanings.items() if len(words) > 1 and name != "delete"} == {}
    assert {name for name in meanings if name in states} <= {"cancel"}
    links = re.findall(r"{% icon \"(users|team|robot)\" 16 %}\s*([A-Z][a-z]+)", "".join(sources))
    assert set(links) == {("users", "Users"), ("team", "Groups"), ("robot", "Service")}
    sources += [
        path.read_text() for app in ("studio", "runs", "workspaces", "trash") for path in ROOT.glob(f"{app}/**/*.py")
    ]
    text = "".join(source for source in sources if "ICONS = {" not in source)
    assert [name for name in ICONS if f'"{name}"' not in text] == []


def test_icons_are_drawn_and_named():
    for name in ICONS:
        assert "<path" in tags.icon(name) or "<circle" in tags.icon(name)
    assert 'aria-hidden="true"' in tags.icon("play")
    assert 'role="img" aria-label="Run &lt;it&gt;"' in tags.icon("play", 16, "Run <it>")


def test_assets_exist():
    assert tags.asset("css/base.css") == f"{settings.STATIC_URL}css/base.css"
    with pytest.raises(FileNotFoundError, match="nothing"):
        tags.asset("css/nothing.css")


def test_every_page_loads_scripts_that_exist(as_user, bob):
    page = as_user(bob).get("/").content.decode()
    scripts = page.split(f'src="{settings.STATIC_URL}')[1:]
    assert scripts
    for part in scripts:
        assert finders.find(part.split('"', 1)[0])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "--"),
        (0, "0s"),
        (0.25, "250 ms"),
        (59, "59s"),
        (95, "1m 35s"),
        (3661, "1h 1m"),
        (90000, "1d 1h"),
        (-3, "0s"),
    ],
)
def test_duration(seconds, text):
    assert tags.format_duration(seconds) == text
    if seconds:
        assert tags.format_duration(dt.timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "--"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (1536, "1.5 KB"),
        (12_400_000, "11.8 MB"),
        (5 * 1024**3, "5.0 GB"),
    ],
)
def test_bytes(size, text):
    assert tags.format_bytes(size) == text


def test_when_speaks_utc_until_the_browser_knows_better():
    moment = dt.datetime(2026, 5, 4, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    shown = tags.when(moment)
    assert 'datetime="2026-05-04T07:30:00.000+00:00"' in shown
    assert "May 4, 2026 07:30 UTC</time>" in shown
    assert tags.when(None) == "--"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (90_000, "yesterday"),
        (260_000, "3 days ago"),
    ],
)
def test_when_says_how_long_ago_a_moment_of_this_week_was(seconds, text):
    moment = timezone.now() - dt.timedelta(seconds=seconds)
    assert f">{text}</time>" in tags.when(moment)
    assert "UTC</time>" in tags.when(moment, True)
    assert f"{moment.astimezone(dt.UTC):%H:%M:%S} UTC</time>" in tags.when(moment, seconds=True)


def test_ticking_counts_on_without_an_end():
    start = dt.datetime(2026, 5, 4, 9, 30, tzinfo=dt.UTC)
    assert tags.ticking(start, start + dt.timedelta(seconds=95)) == "1m 35s"
    assert 'data-since="2026-05-04T09:30:00+00:00"' in tags.ticking(start)
    assert tags.ticking(None) == "--"


@pytest.mark.parametrize(
    ("value", "colour", "word"),
    [
        ("Completed", "good", "Completed"),
        ("Failed", "bad", "Failed"),
        ("NotStarted", "queued", "Not started"),
        ("idle", "good", "Idle"),
        ("Odd", "other", "Odd"),
    ],
)
def test_status_has_icon_and_word(value, colour, word):
    shown = tags.status(value)
    assert f"status-{colour}" in shown and "<svg" in shown and f"<span>{word}</span>" in shown


def test_status_escapes_its_detail():
    assert "&lt;b&gt;" in tags.status("Failed", "<b>")


def test_sort_header_turns_round():
    header = render('{% sort_header "Name" "name" %}')
    assert 'aria-sort="ascending"' in header and "sort=-name" in header and "page" not in header
    assert "aria-sort" not in render('{% sort_header "Size" "size" %}')
