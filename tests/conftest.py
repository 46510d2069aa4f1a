"""The people of the tests and their clients: Alice edits, Bob reads, Mallory has an account without a role."""

import json
import os
import time

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations as DatabaseOperations
from django.test import Client
from django.test.client import ClientHandler
from lazuli.agent import machine
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.activity import Activity
from deploy.test_tools import find_browser
from mlflow_api import sessions
from operations.models import SHOWN
from studio.api_handler import ApiMiddleware
from studio.append_only import AppendOnly
from studio.middleware import API
from tests import databases, factories
from workspaces.models import Role


@pytest.fixture(scope="session", autouse=True)
def cached_static_files():
    """Every `Client()` sets up the middleware again; searching static files took longer than most requests."""
    search, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def remember(middleware):
        if not found:
            search(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remember)
        yield


@pytest.fixture(scope="session", autouse=True)
def truncatable_activity_log():
    """Its triggers refuse the TRUNCATE that Django runs after a test with its own transactions."""
    flush = DatabaseOperations.execute_sql_flush

    def without_triggers(operations, statements):
        connection = operations.connection
        constraint = next(one for one in Activity._meta.constraints if isinstance(one, AppendOnly))
        with connection.cursor() as cursor:
            for statement in constraint.list_removals(Activity, connection):
                cursor.execute(statement)
            flush(operations, statements)
            for statement in constraint.list_statements(Activity, connection):
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", without_triggers)
        yield


def pytest_collection_modifyitems(items):
    """Files that take long come first, so that no worker ends long after the others; those that mostly wait, before all."""
    ranks = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        rank = 1 if "browser" in marks else 0 if marks & {"stack", "timeout"} else 2
        ranks[item.path] = min(rank, ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings) -> bool:
    template = databases.get_template()
    if connection.vendor != "sqlite" or not template.exists():
        return False
    databases.copy(template, connection.creation._get_test_db_name())
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_keepdb):
    template = databases.get_template()
    if connection.vendor == "sqlite" and not template.exists():
        template.parent.mkdir(exist_ok=True)
        for old in template.parent.glob("tests-*.sqlite3"):
            old.unlink(missing_ok=True)
        databases.copy(connection.settings_dict["NAME"], template)


@pytest.fixture(scope="session", autouse=True)
def skip_post_migrate_signals():
    """Django recreates content types and permissions after each test that commits, which took longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *arguments, **options: None)
        yield


@pytest.fixture(autouse=True)
def clear_caches():
    """MLflow's routes cache for a moment which workspace has an address, Django the keys of content types.

    The next test has another workspace; and after a flush, a content type is created inside a test and rolled back with it.
    """
    sessions.clear_caches()
    # Nobody has announced anything; a process reads that every few seconds.
    SHOWN.update(at=time.monotonic() + 600, rows=[])
    ContentType.objects.clear_cache()


@pytest.fixture(autouse=True)
def large_machine(monkeypatch):
    """So that all sizes are made with Azure's numbers, whatever machine runs the tests."""
    monkeypatch.setattr(machine, "read_machine", lambda environ: machine.Machine(64, 512, 8))


@pytest.fixture
def workspace(db):
    group = factories.make_group(factories.make_subscription("sub-1"), "aml-resources")
    return factories.make_workspace(group, "aml-workspace")


@pytest.fixture
def owner(db):
    """The Owner of the site."""
    return factories.make_user("owner", is_superuser=True, is_staff=True)


@pytest.fixture
def alice(workspace):
    user = factories.make_user("alice")
    factories.give_role(user, Role.CONTRIBUTOR, workspace)
    return user


@pytest.fixture
def bob(workspace):
    user = factories.make_user("bob")
    factories.give_role(user, Role.READER, workspace)
    return user


@pytest.fixture
def mallory(db):
    return factories.make_user("mallory")


@pytest.fixture
def as_user():
    """`as_user(alice).get(url)`: her browser."""

    def sign_in(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


class ApiClientHandler(ApiMiddleware, ClientHandler):
    pass


# Loaded once.
API_HANDLER = ApiClientHandler(enforce_csrf_checks=False)


class Api:
    """A client with a bearer token; bodies go as JSON. Its requests pass the middleware that studio/wsgi.py gives them."""

    def __init__(self, token: str):
        self.client = Client(headers={"Authorization": f"Bearer {token}"} if token else {})
        pages = self.client.handler
        self.client.handler = lambda environ: (API_HANDLER if API.match(environ["PATH_INFO"]) else pages)(environ)

    def get(self, path, **query):
        return self.client.get(path, query)

    def put(self, path, body=None, **headers):
        return self._send("PUT", path, body, headers)

    def post(self, path, body=None, **headers):
        return self._send("POST", path, body, headers)

    def patch(self, path, body=None, **headers):
        return self._send("PATCH", path, body, headers)

    def delete(self, path, body=None, **headers):
        return self._send("DELETE", path, body, headers)

    def _send(self, method, path, body, headers):
        content_type = headers.pop("content_type", "application/json")
        data = body if isinstance(body, (bytes, str)) else json.dumps({} if body is None else body)
        return self.client.generic(method, path, data, content_type, headers=headers)


@pytest.fixture
def api(db):
    """`api(alice).put(path, body)`: her token; `api(secret)`: a token such as a run's; `api(None)`: none."""

    def with_token(who) -> Api:
        return Api(who if isinstance(who, str) else factories.make_token(who) if who else "")

    return with_token


@pytest.fixture
def w(workspace):
    """The address of the workspace in the API."""
    return workspace.arm_id


@pytest.fixture(scope="session")
def chromium():
    """One headless browser for all tests of a process; Playwright allows no second."""
    # Most test processes need no browser.
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        pytest.fail("There is no Chromium here: install one (Debian: apt-get install chromium), or set CHROMIUM=path.")
    # Playwright's loop runs in the thread of the tests, which also make rows; nothing here is async.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
