"""Two clicks on a form that makes something make one thing, and lead to it."""

import re
import threading

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.form_keys import KEPT
from accounts.models import SentForm, Token, User
from compute import notifications
from compute.models import ComputeTarget
from runs.models import Run
from runs.submission import SCRIPT_RUN
from runs.tasks import housekeeping
from tests import factories
from trash.models import RetentionRule
from workspaces.models import Role, RoleAssignment, Workspace

WS = "/ws/aml-workspace/"


@pytest.fixture(autouse=True)
def no_notifications(monkeypatch):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)


@pytest.fixture
def browser(as_user, owner):
    return as_user(owner)


@pytest.fixture
def job(workspace, owner):
    target = factories.make_target(workspace, "cpu-cluster")
    body = {"experimentName": "exp", "command": "true", "computeId": target.name}
    return factories.make_run(
        workspace,
        experiment=factories.make_experiment(workspace, "exp"),
        run_id="r1",
        job=body,
        run_type=SCRIPT_RUN,
        target_name=target.name,
        compute=target,
        status=Run.Status.COMPLETED,
        created_by=owner,
    )


def key_on(browser, page: str, action: str = "") -> str:
    """The key in the form of a page that is sent to `action`; of one that is sent to the page itself if there is none."""
    html = browser.get(page).content.decode()
    forms = re.findall(r"<form[^>]*method=\"post\"[^>]*>.*?</form>", html, re.S)
    start = [form.partition(">")[0] for form in forms]
    [key] = [
        found[1]
        for form, opening in zip(forms, start, strict=True)
        if (found := re.search(r'name="form_key" value="([^"]+)"', form))
        and (f'action="{action}"' in opening if action else "action=" not in opening)
    ]
    return key


WORKSPACE = {
    "name": "fresh-one",
    "subscription": "sub-1",
    "resource_group": "aml-resources",
    "location": "eastus",
}
CLUSTER = {"name": "fresh", "min_nodes": 0, "max_nodes": 1, "idle_seconds": 120}
ACCOUNT = {"account-username": "newcomer", "account-full_name": "New Comer", "account-role": Role.READER}
JOB = {"experiment_name": "exp", "command": "true", "compute_id": "cpu-cluster", "environment": "keep"}
RULE = {"takes": "runs", "days": 30, "experiments": "*"}
# The page, where its form is sent (empty: to the page), what is entered, and what it makes.
FORMS = [
    (f"{WS}runs/r1/resubmit/", "", JOB, Run),
    ("/workspaces/new/", "", WORKSPACE, Workspace),
    (f"{WS}compute/new/settings/", "", CLUSTER, ComputeTarget),
    (f"{WS}retention/", "", RULE, RetentionRule),
]


@pytest.mark.parametrize(("page", "action", "entered", "model"), FORMS, ids=lambda value: str(value)[:40])
def test_what_is_made_is_made_once_and_both_clicks_lead_to_it(browser, job, page, action, entered, model):
    before = model.objects.count()
    sent = {**entered, "form_key": key_on(browser, page, action)}
    answers = [browser.post(action or page, sent) for _ in range(2)]
    assert model.objects.count() == before + 1
    assert answers[0].status_code == answers[1].status_code == 302
    assert answers[0].url == answers[1].url
    assert "processed once" in browser.get(answers[1].url).content.decode()
    # The page as it is rendered again makes another one.
    if model is Run:
        browser.post(page, {**entered, "form_key": key_on(browser, page, action)})
        assert Run.objects.count() == before + 2


def test_a_secret_is_shown_by_the_first_answer_and_the_second_makes_no_other(browser):
    sent = {"name": "laptop", "days": 30, "form_key": key_on(browser, "/account/tokens/")}
    assert browser.post("/account/tokens/", sent).status_code == 200
    again = browser.post("/account/tokens/", sent)
    assert again.status_code == 409 and "sent twice" in again.content.decode()
    assert Token.objects.count() == 1


def test_an_account_is_made_once(browser, workspace):
    sent = {**ACCOUNT, "form_key": key_on(browser, f"{WS}people/", f"{WS}people/account/")}
    assert "/invitation/" in browser.post(f"{WS}people/account/", sent).content.decode()
    assert browser.post(f"{WS}people/account/", sent).status_code == 409
    assert RoleAssignment.objects.filter(user=User.objects.get(username="newcomer")).count() == 1


def test_a_switch_that_is_pressed_twice_is_over_once(browser, workspace, owner, job):
    rule = RetentionRule.objects.create(workspace=workspace, created_by=owner, is_on=False, days=30)
    switch = reverse("trash:retention_switch", args=[workspace.slug, rule.pk])
    sent = {"form_key": key_on(browser, f"{WS}retention/", switch)}
    for _ in range(2):
        assert browser.post(switch, sent).status_code == 302
    rule.refresh_from_db()
    assert rule.is_on
    page = job.experiment.get_absolute_url()
    sent = {"form_key": key_on(browser, page, f"{page}archive/")}
    for _ in range(2):
        browser.post(f"{page}archive/", sent)
    job.experiment.refresh_from_db()
    assert job.experiment.archived_at


def test_a_form_with_a_mistake_can_be_sent_again_and_with_something_else_makes_something_else(browser, workspace):
    page = f"{WS}compute/new/settings/"
    key = key_on(browser, page)
    assert browser.post(page, {**CLUSTER, "name": "-", "form_key": key}).status_code == 200
    assert not SentForm.objects.exists()
    for name in ("one", "two", "one"):
        assert browser.post(page, {**CLUSTER, "name": name, "form_key": key}).url == f"{WS}compute/{name}/"
    assert ComputeTarget.objects.count() == 2


def test_what_another_person_sent_is_another_form(browser, as_user, alice, job):
    sent = {**JOB, "form_key": key_on(browser, f"{WS}runs/r1/resubmit/")}
    for person in (browser, as_user(alice)):
        person.post(f"{WS}runs/r1/resubmit/", sent)
    assert Run.objects.count() == 3


def test_keys_are_forgotten_after_a_day(db):
    SentForm.objects.create(digest="old", at=timezone.now() - KEPT * 2)
    SentForm.objects.create(digest="new")
    housekeeping()
    assert [sent.digest for sent in SentForm.objects.all()] == ["new"]


def test_every_form_that_is_processed_once_holds_its_key():
    views = {}
    for space, (_, resolver) in get_resolver().namespace_dict.items():
        named = [pattern for pattern in resolver.url_patterns if getattr(pattern, "name", None)]
        views |= {f"{space}:{pattern.name}": pattern.callback for pattern in named}
    found = 0
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html")):
        for name, form in re.findall(
            r'method="post"[^<]*?action="{% url "([\w:]+)".*?"(.*?)</form>', path.read_text(), re.S
        ):
            is_once = getattr(views[name], "is_once", False)
            assert ("form_key" in form) == is_once, f"{path}: the form that is sent to {name}"
            found += is_once
    assert found > 5


@pytest.mark.django_db(transaction=True)
def test_clicks_at_the_same_moment_make_one_run(owner, job):
    browser = Client()
    browser.force_login(owner)
    positions = []

    def click():
        other = Client()
        other.cookies = browser.cookies
        positions.append(other.post(f"{WS}runs/r1/resubmit/", {**JOB, "form_key": "same"}).url)
        connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Run.objects.count() == 2 and len(positions) == 4 and len(set(positions)) == 1
