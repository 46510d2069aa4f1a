"""A studio that a proxy serves below a path: whatever leads somewhere begins with the path."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import get_script_prefix, reverse, set_script_prefix

from runs.models import Run
from runs.seeding.full_run import make_full_run
from studio import hosts
from studio.templatetags import studio as tags
from tests import factories

PATH = "/tools/lazuli"
# What a page leads to, loads or sends to, by an address of this host.
ADDRESS = re.compile(r"""\b(?:href|src|action|hx-(?:get|post|put|delete)|data-[\w-]*url)=["'](/[^"']*)""")


@pytest.fixture
def below(settings, client, alice):
    """A client of a studio at http://testserver/tools/lazuli, as the proxy calls it."""
    settings.PUBLIC_URL, settings.PUBLIC_PATH = f"http://testserver{PATH}", PATH
    settings.FORCE_SCRIPT_NAME = PATH
    settings.STATIC_URL = f"{PATH}{settings.WHITENOISE_STATIC_PREFIX}"
    settings.LOGIN_URL, settings.LOGIN_REDIRECT_URL = f"{PATH}/signin/", f"{PATH}/"
    # Pages remember the addresses of their modules.
    tags._read_module_once.cache_clear()
    before = get_script_prefix()
    set_script_prefix(f"{PATH}/")
    client.force_login(alice)
    yield client
    set_script_prefix(before)
    tags._read_module_once.cache_clear()


def get(client: Client, address: str):
    """As the proxy does it, which takes the path off."""
    assert address.startswith(f"{PATH}/"), address
    return client.get(address.removeprefix(PATH))


def test_all_addresses_of_the_pages_begin_with_the_path(below, workspace, alice):
    run = make_full_run(factories.make_experiment(workspace, "digits"), alice, display_name="the run")
    factories.make_target(workspace, "cpu-cluster")
    slug = workspace.slug
    tabs = ["run_detail", "run_metrics", "run_images", "run_children", "run_files", "run_code", "run_json"]
    pages = [reverse(f"runs:{tab}", args=[slug, run.run_id]) for tab in tabs]
    pages += [reverse(name, args=[slug]) for name in ("workspaces:home", "runs:jobs", "runs:experiments")]
    pages += [reverse("workspaces:list"), reverse("accounts:tokens"), f"{PATH}/nowhere"]
    seen = 0
    for page in pages:
        answer = get(below, page)
        assert answer.status_code == (404 if page.endswith("nowhere") else 200), page
        found = ADDRESS.findall(answer.content.decode())
        assert [address for address in found if not address.startswith(f"{PATH}/")] == [], page
        seen += len(found)
    assert seen > 200


def test_redirects_and_addresses_for_others_have_the_path_once(below, workspace, alice, settings):
    run = factories.make_run(workspace, run_id="r1", status=Run.Status.COMPLETED)
    assert Client().get("/").headers["Location"] == f"{PATH}/signin/?next={PATH}/"
    from accounts.models import Token

    secret = Token.create_for(alice, "t")[1]
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    dto = api.get(f"/history/v1.0{workspace.arm_id}/runs/r1").json()
    assert dto["portalUrl"] == f"http://testserver{PATH}/ws/{workspace.slug}/runs/r1/"
    factories.make_run(workspace, experiment=run.experiment, run_id="r2")
    linked = api.get(f"/history/v1.0{workspace.arm_id}/runs?$top=1").json()["nextLink"]
    assert linked.startswith(f"http://testserver{PATH}/history/v1.0/subscriptions/")
    resource = api.get(workspace.arm_id).json()
    assert resource["properties"]["studioEndpoint"].startswith(f"http://testserver{PATH}/ws/")
    assert resource["id"] == workspace.arm_id


@pytest.mark.parametrize("address", ["http://h/a b", "http://h/a?b=c", "http://h/a#b", "http://h//", "http://h/ä"])
def test_an_invalid_path_is_refused_with_a_message(address):
    with pytest.raises(ImproperlyConfigured, match="only a plain path may follow"):
        hosts.path_of(address)
    assert hosts.path_of("http://h:1/a/b-c") == "/a/b-c" and hosts.path_of("http://h") == ""


def test_the_path_is_taken_off_if_the_proxy_leaves_it_on(below):
    from studio import wsgi

    seen = []
    original = wsgi.django_application
    wsgi.django_application = lambda environ, start: seen.append(environ["PATH_INFO"])
    try:
        for path in (f"{PATH}/signin/", "/signin/", f"{PATH}y/"):
            wsgi.application({"PATH_INFO": path}, None)
    finally:
        wsgi.django_application = original
    assert seen == ["/signin/", "/signin/", f"{PATH}y/"]
