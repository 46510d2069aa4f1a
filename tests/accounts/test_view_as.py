"""A site admin sees the studio as another person: read only, without secrets, for 30 minutes, in the activity log."""

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import resolve
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from accounts import people, view_as
from accounts.activity import Activity
from accounts.actors import Actor
from accounts.models import Session, User, ViewAs
from accounts.view_as import VIEW_AS
from accounts.view_as_guard import GuardViewAs
from endpoints.models import Endpoint
from runs.models import HomeVisit
from tests import factories
from tests.html import html_of
from tests.test_authz import world
from tests.test_authz_table import page_routes

__all__ = ["world"]
STOP, HOME = "/account/view-as/stop/", "/ws/aml-workspace/"
ENDING = {STOP, "/signout/"}
BEGIN, END = "view_as.begin", "view_as.end"
HTMX = {"HTTP_HX_REQUEST": "true"}
# They show the keys of an endpoint or the secret of a webhook, open an application, sign in, or confirm access.
HIDDEN = {
    "/ws/aml-workspace/compute/x/instance/open/x/",
    "/ws/aml-workspace/endpoints/x/consume/",
    "/account/confirm/",
    "/account/factors/",
    "/applications/x/",
    "/invitation/x/",
    "/notifications/preferences/",
    "/signin/link/x/",
    "/signin/oidc/aml-workspace/",
    "/signin/oidc/aml-workspace/callback/",
}


def view_as_person(owner: User, person: User) -> Client:
    client = Client()
    client.force_login(owner)
    assert client.post(f"/admin/people/{person.pk}/", {"act": "view_as"}).status_code == 302
    return client


def list_rows() -> list[tuple]:
    """Who did what, and why, of the rows about views."""
    rows = Activity.objects.filter(verb__startswith="view_as").order_by("pk")
    return [(row.actor_name, row.verb, row.label, row.message) for row in rows]


def test_an_admin_sees_what_the_person_sees_with_a_banner_until_they_stop(owner, bob):
    client = view_as_person(owner, bob)
    page = html_of(client.get(HOME))
    assert "You see the studio as <b>bob</b>, read only, 30 min left" in page and f'action="{STOP}"' in page
    assert client.get("/admin/people/").status_code == 403
    assert "You see the studio as <b>bob</b>" in html_of(client.get("/nowhere/at/all/"))
    assert client.post(STOP).status_code == 302
    assert "You see the studio as <b>" not in html_of(client.get("/admin/people/"))
    assert list_rows() == [
        ("owner", BEGIN, "bob", "read only, for 30 minutes"),
        ("owner", END, "bob", "stopped"),
    ]
    assert client.post(STOP).status_code == 302 and len(list_rows()) == 2


def test_a_visit_leaves_no_trace_of_the_person(owner, bob):
    client = view_as_person(owner, bob)
    assert client.get(HOME).status_code == 200
    assert not HomeVisit.objects.exists()


def test_rows_that_are_written_meanwhile_name_the_admin(owner, bob):
    client = view_as_person(owner, bob)
    assert client.post("/account/theme/", {"theme": "dark"}).status_code == 403
    row = Activity.objects.get(verb="access.refuse")
    assert (row.actor_name, row.label, row.outcome) == ("owner", "change anything as bob", "refused")
    assert row.message == "as bob: POST /account/theme/"
    bob.refresh_from_db()
    assert bob.theme == User.Theme.SYSTEM


def rows_of_all_tables() -> dict[str, list]:
    """All rows that requests could change, without the session and the log of the admin."""
    skipped = {Session, Activity}
    with connection.cursor() as cursor:
        found = {}
        for model in apps.get_models():
            if model not in skipped:
                cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
                found[model._meta.db_table] = cursor.fetchall()
    return found


@pytest.fixture
def guard(db, owner, bob, rf):
    """The answer of the middleware to a request for an address, as it is given before its view."""
    view = ViewAs.objects.create(admin=owner, person=bob, session_key="", until=timezone.now() + view_as.DURATION)

    def answer(method: str, address: str):
        request = rf.generic(method, address)
        request.view_as, request.user, request.session = view, bob, {VIEW_AS: view.pk}
        request.htmx = HtmxDetails(rf.get(address, **HTMX))
        request.resolver_match = match = resolve(request.path_info)
        return GuardViewAs(None).process_view(request, match.func, match.args, match.kwargs)

    return answer


def test_no_route_accepts_anything_but_get_and_head(guard):
    addresses = [*page_routes().values(), "/admin/rows/", "/admin/rows/accounts/user/1/change/"]
    assert len(addresses) > 200
    others = [(method, HOME) for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")]
    for method, address in [*[("POST", one) for one in addresses if one not in ENDING], *others]:
        answer = guard(method, address)
        assert answer is not None and answer.status_code == 403, (method, address)
        assert "You see the studio as bob, read only" in answer.headers["HX-Trigger"]
    assert ViewAs.objects.exists() and guard("GET", HOME) is None and guard("HEAD", HOME) is None


@pytest.mark.parametrize("address", sorted(HIDDEN))
def test_pages_with_secrets_and_ways_in_are_closed(guard, address):
    assert "This page is closed" in guard("GET", address).headers["HX-Trigger"]


@pytest.mark.extended
def test_no_page_changes_a_row_or_shows_a_secret(world, owner, as_user):
    person, endpoint = world["people"]["owner"], Endpoint.objects.get(name="svc")
    client, secrets = view_as_person(owner, person), ["hush hush", *endpoint.keys]
    # The first visit creates the standard datastores, and the person's empty home folder.
    for address in ("/ws/aml-workspace/data/datastores/", "/ws/aml-workspace/notebooks/"):
        assert as_user(person).get(address).status_code == 200
    before, wrong = rows_of_all_tables(), []
    for route, address in page_routes().items():
        answer = client.get(address)
        text = (answer.getvalue() if answer.streaming else answer.content).decode(errors="replace")
        if answer.status_code >= 500 or any(secret in text for secret in secrets):
            wrong.append(f"{route} answers {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert rows_of_all_tables() == before


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda owner, bob: ViewAs.objects.update(until=timezone.now()), "the time limit was reached"),
        (
            lambda owner, bob: User.objects.filter(pk=owner.pk).update(is_superuser=False),
            "owner is no longer a site admin",
        ),
        (lambda owner, bob: User.objects.filter(pk=bob.pk).update(is_active=False), "the account of bob was closed"),
        (lambda owner, bob: User.objects.filter(pk=bob.pk).update(is_superuser=True), "bob became a site admin"),
    ],
)
def test_it_ends_by_time_and_by_what_happens_to_either(owner, bob, change, reason):
    client = view_as_person(owner, bob)
    change(owner, bob)
    assert client.get("/notifications/bell/", **HTMX).headers["HX-Refresh"] == "true"
    assert list_rows()[1:] == [("owner", END, "bob", reason)]
    page = html_of(client.get("/"))
    assert "You see the studio as <b>bob" not in page and not ViewAs.objects.exists()


def test_a_form_that_was_opened_as_the_person_is_not_accepted_from_the_admin(owner, bob):
    client = view_as_person(owner, bob)
    ViewAs.objects.update(until=timezone.now())
    answer = client.post("/account/theme/", {"theme": "dark"})
    assert answer.status_code == 403 and "so nothing was changed" in html_of(answer)
    owner.refresh_from_db()
    assert owner.theme == User.Theme.SYSTEM
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    key = strict.get("/account/tokens/").context["csrf_token"]
    assert strict.post("/account/theme/", {"theme": "dark", "csrfmiddlewaretoken": str(key)}).status_code == 302


def test_signing_out_ends_it_and_signs_the_admin_out(owner, bob):
    client = view_as_person(owner, bob)
    assert client.post("/signout/").url == "/signin/"
    assert list_rows()[1:] == [("owner", END, "bob", "signed out")]
    last = Activity.objects.get(verb="session.end")
    assert (last.actor_name, last.label, last.message) == ("owner", "owner", "")
    assert client.get(HOME).url.startswith("/signin/")


def test_closing_either_account_ends_it_at_once(owner, bob):
    other = factories.make_user("other-admin", is_superuser=True, is_staff=True)
    view_as_person(owner, bob)
    people.block_account(Actor(other), bob)
    assert list_rows()[1:] == [("owner", END, "bob", "the account of bob was closed")]


def test_a_browser_that_never_comes_back_gets_its_end_from_the_housekeeping(owner, bob):
    view_as_person(owner, bob)
    view_as.end_old_views()
    assert len(list_rows()) == 1
    Session.objects.all().delete()
    view_as.end_old_views()
    view_as.end_old_views()
    assert list_rows()[1:] == [("owner", END, "bob", "the session has ended")]


def test_it_is_for_site_admins_and_never_of_another_one(owner, bob, as_user):
    other = factories.make_user("other-admin", is_superuser=True, is_staff=True)
    closed = factories.make_user("closed", is_active=False)
    for person in (owner, other, closed):
        answer = as_user(owner).post(f"/admin/people/{person.pk}/", {"act": "view_as"})
        assert answer.status_code == 409, person
        assert 'value="view_as"' not in html_of(as_user(owner).get(f"/admin/people/{person.pk}/"))
    assert as_user(bob).post(f"/admin/people/{bob.pk}/", {"act": "view_as"}).status_code == 403
    assert not ViewAs.objects.exists() and not list_rows()


def test_tokens_neither_begin_it_nor_see_it(owner, bob, workspace):
    client = view_as_person(owner, bob)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(owner)}"}
    assert client.get("/login/whoami", **headers).json()["username"] == "owner"
    assert Client().post(f"/admin/people/{bob.pk}/", {"act": "view_as"}, **headers).status_code == 302
    assert ViewAs.objects.count() == 1
