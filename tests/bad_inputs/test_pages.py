"""Rows of the catalogue about pages, forms and sign-in."""

import re
import unicodedata
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.test import Client

from runs.models import Experiment, Run
from tests import factories
from tests.bad_inputs.apis import WORKSPACE_PATH, H
from workspaces.models import Workspace

WS = "/ws/aml-workspace/"
TAGS = {"items": "x", "lists": "y"}


def test_a_tag_or_parameter_with_the_name_of_a_method_breaks_no_page(world, owner, workspace):
    """In a template, `tags.items` is the tag `items` if there is one."""
    Workspace.objects.filter(pk=workspace.pk).update(tags=TAGS)
    workspace.compute_targets.update(tags=TAGS)
    version = factories.make_model_version(workspace, "digits", tags=TAGS, properties=TAGS)
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    addresses = [f"{WS}{path}" for path in ("settings/", "compute/cpu-cluster/", "models/?lists=1&items=2&all=1")]
    for address in [*addresses, "/?lists=1", version.get_absolute_url()]:
        assert browser.get(address, follow=True).status_code == 200, address
    for path in ("jobs/new/?from=http://[", "jobs/range/?parent=http://["):
        answer = browser.get(f"{WS}{path}")
        assert answer.status_code == 400 and "is not a run id" in answer.content.decode(), path
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        assert not re.search(r"{%[^%]*\w\.(items|lists)\b", path.read_text()), f"{path}: write |pairs"


def test_what_people_write_is_shown_as_text(world, owner, workspace):
    evil = "<script>alert(1)</script>{{7*7}}"
    Workspace.objects.filter(pk=workspace.pk).update(friendly_name=evil, description=evil, tags={evil: evil})
    Run.objects.filter(run_id="r1").update(display_name=evil, description=evil)
    Experiment.objects.update(description=evil)
    browser = Client()
    browser.force_login(owner)
    for path in (
        "/",
        "/ws/aml-workspace/",
        "/ws/aml-workspace/settings/",
        "/ws/aml-workspace/jobs/",
        "/ws/aml-workspace/runs/r1/",
    ):
        page = browser.get(path).content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


PASSWORD = (
    "  \N{LATIN SMALL LETTER U WITH DIAERESIS}n\N{LATIN SMALL LETTER I WITH DIAERESIS} \N{KEY} " + "pass phrase " * 20
)


def test_a_password_is_used_exactly_as_typed(browser, owner):
    """Row F12."""
    assert browser.post("/account/password/", {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    assert Client().post("/signin/", {"username": "owner", "password": PASSWORD.strip()}).status_code == 403
    decomposed = unicodedata.normalize("NFD", PASSWORD)
    assert Client().post("/signin/", {"username": "owner", "password": decomposed}).status_code == 403
    assert Client().post("/signin/", {"username": "owner", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("length", [4097, 2**20])
def test_an_endless_password_is_refused_and_not_hashed(browser, owner, monkeypatch, length):
    """Row F11."""
    monkeypatch.setattr(hashers, "make_password", None)
    monkeypatch.setattr(hashers, "check_password", None)
    typed = "x" * length
    assert "at most 4096" in browser.post("/account/password/", {"password": typed, "again": typed}).content.decode()
    form = urlencode({"username": "owner", "password": typed})
    page = Client().post("/signin/", form, content_type="application/x-www-form-urlencoded")
    assert page.status_code == 200 and "at most 4096" in page.content.decode()


def test_a_new_password_ends_all_other_sessions(browser, owner):
    """Row F20."""
    other = Client()
    other.force_login(owner)
    browser.post("/account/password/", {"password": PASSWORD, "again": PASSWORD})
    assert other.get("/").status_code == 302 and browser.get("/").status_code == 200


def test_a_cookie_is_invalid_after_the_sign_out(browser):
    """Row F18."""
    stolen = Client(cookies=browser.cookies)
    stolen.cookies = browser.cookies.copy()
    assert stolen.get("/").status_code == 200
    browser.post("/signout/")
    assert stolen.get("/").status_code == 302
    assert stolen.get("/", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_htmx_headers_give_no_access(as_user, mallory, owner, world):
    """Row F07."""
    headers = {
        "HX-Request": "true",
        "HX-Target": "run-commands",
        "HX-Current-URL": "http://testserver/ws/aml-workspace/",
    }
    assert as_user(mallory).get("/ws/aml-workspace/runs/r1/", headers=headers).status_code == 404
    Run.objects.update(display_name="<script>alert(1)</script>")
    page = as_user(owner).get("/ws/aml-workspace/jobs/", headers={"HX-Request": "true", "HX-Target": "run-table"})
    assert b"<script>alert(1)" not in page.content


@pytest.mark.parametrize("typed", ["-1", "1.5", "1e9", "1,5", "", " ", "x"])
def test_a_field_of_a_number_says_what_is_wrong(browser, world, typed):
    """Row F32; what is full width is the same number."""
    page = "/ws/aml-workspace/compute/cpu-cluster/edit/"
    limits = {"max_nodes": "2", "idle_seconds": "120"}
    assert 'aria-invalid="true"' in browser.post(page, {**limits, "min_nodes": typed}).content.decode()
    assert browser.post(page, {**limits, "min_nodes": "\N{FULLWIDTH DIGIT ONE}"}).status_code == 302


def test_an_environment_in_use_may_go_for_its_runs_have_it_whole(world):
    """Row F36."""
    conda = {"properties": {"condaFile": "dependencies: [python, {pip: [numpy]}]"}}
    assert world.put(f"{WORKSPACE_PATH}/environments/used/versions/1", conda, "application/json").status_code == 201
    job = {"experimentName": "exp", "command": "x", "computeId": "cpu-cluster", "environmentId": "used:1"}
    assert world.put(f"{WORKSPACE_PATH}/jobs/user", {"properties": job}, "application/json").status_code == 201
    assert world.delete(f"{WORKSPACE_PATH}/environments/used").status_code == 200
    assert Run.objects.get(run_id="user").work.spec["environment"]["python"]["condaDependencies"]


def test_texts_inside_data_of_a_page_end_no_script(browser, world):
    """Row F27: what a script reads is escaped for HTML."""
    evil = "</script><script>alert(1)</script>\N{LINE SEPARATOR}"
    world.post(f"{H}/runs/r1/metrics", {"metrics": [{"name": "a", "value": n} for n in range(3)]}, "application/json")
    Run.objects.update(display_name=evil)
    for page in (
        "/ws/aml-workspace/jobs/?charts=&chart=a",
        "/ws/aml-workspace/runs/r1/metrics/",
        "/ws/aml-workspace/compare/?runs=r1",
    ):
        assert "<script>alert(1)" not in browser.get(page, follow=True).content.decode()
