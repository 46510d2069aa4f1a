"""The activity log: recorded actions, protection from changes, permissions to read it, and searching."""

import ast
import csv
import hashlib
import io
import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import activity, activity_checks
from accounts.activity import HASHED, VERBS, Activity
from accounts.actors import Actor
from accounts.models import DeviceLogin, Token
from studio.append_only import AppendOnly
from tests import factories
from tests.html import html_of
from tests.test_house import nodes_of, python_files
from workspaces.models import Role

URL = "/ws/aml-workspace/activity/"
PEOPLE = "/ws/aml-workspace/people/"


@pytest.fixture
def olga(workspace):
    """An Owner of the workspace, who is no site admin."""
    user = factories.make_user("olga")
    factories.give_role(user, Role.OWNER, workspace)
    return user


def sentences() -> list[str]:
    return [str(row) for row in Activity.objects.order_by("pk")]


def rewrite(**fields) -> None:
    """As somebody does who reaches the database and has taken the triggers away."""
    constraint = next(one for one in Activity._meta.constraints if isinstance(one, AppendOnly))
    with connection.cursor() as cursor:
        for statement in constraint.list_removals(Activity, connection):
            cursor.execute(statement)
    Activity.objects.order_by("pk").filter(number=2).update(**fields)


@pytest.fixture
def three_rows(workspace, olga):
    for name in ("first", "second", "third"):
        activity.record("role.give", olga, scope=workspace, message=name)


def test_role_changes_are_recorded_with_actor_and_address(as_user, workspace, olga, mallory):
    as_user(olga).post(PEOPLE, {"username": "mallory", "role": Role.READER}, REMOTE_ADDR="203.0.113.7")
    row = Activity.objects.get(verb="role.give")
    assert (str(row), row.changes, row.address) == (
        "olga gave a role to mallory",
        {"role": ["", "Reader"]},
        "203.0.113.7",
    )
    assert (row.chain, row.scope, row.kind) == (workspace.pk, workspace.arm_id, "user")


def test_all_that_one_request_does_has_its_id_which_the_answer_names(as_user, workspace, owner):
    new = {"account-username": "dora", "account-full_name": "", "account-role": Role.READER}
    answer = as_user(owner).post(f"{PEOPLE}account/", new)
    rows = Activity.objects.filter(request_id=answer.headers["X-Request-Id"])
    assert [row.verb for row in rows] == ["account.create", "role.give", "signin_link.create"]


def test_successful_and_failed_sign_ins_are_recorded(client, db):
    factories.make_user("paula", password="correct horse")
    client.post("/signin/", {"username": "paula", "password": "wrong"})
    client.post("/signin/", {"username": "paula", "password": "correct horse"})
    client.post("/signout/")
    found = Activity.objects.order_by("pk").values_list("verb", "outcome", "actor_name", "label")
    assert list(found) == [
        ("session.begin", "failed", "", "paula"),
        ("session.begin", "done", "paula", "paula"),
        ("session.end", "done", "paula", "paula"),
    ]


def test_tokens_and_terminals_are_written(as_user, alice):
    client = as_user(alice)
    client.post("/account/tokens/", {"name": "laptop", "days": "7"})
    client.post(f"/account/tokens/{Token.objects.get().pk}/revoke/")
    DeviceLogin.objects.create(
        user_code="BBBB-CCCC", device_digest="x", client_name="box", expires_at="2999-01-01T00:00Z"
    )
    client.post("/login/device/", {"code": "BBBB-CCCC", "answer": "approve"})
    assert [row.verb for row in Activity.objects.order_by("pk")] == ["token.create", "token.revoke", "login.approve"]


def test_what_a_token_does_names_the_person_and_the_token(api, workspace, olga, w):
    api(olga).patch(w, {"properties": {"description": "new"}})
    row = Activity.objects.get(verb="workspace.edit")
    assert (row.actor_name, row.token_id, row.changes) == ("olga", Token.objects.get().pk, {"description": ["", "new"]})


def test_deleting_and_restoring_are_written(api, olga, w, workspace, monkeypatch):
    experiment = factories.make_experiment(workspace, "exp")
    run = factories.make_run(workspace, experiment=experiment, run_id="r1", status="Completed")
    run.delete()
    run.restore()
    experiment.delete()
    api(olga).delete(w)
    api(olga).post(f"{w}/restore")
    verbs = [row.verb for row in Activity.objects.filter(chain=workspace.pk).order_by("pk")]
    assert verbs == ["run.delete", "run.restore", "experiment.delete", "workspace.delete", "workspace.restore"]


def test_refused_changes_are_recorded_and_refused_reads_are_not(as_user, bob, workspace):
    as_user(bob).post(PEOPLE, {"username": "bob", "role": Role.OWNER})
    as_user(bob).get(URL)
    row = Activity.objects.get()
    assert (row.outcome, str(row)) == ("refused", "bob was not allowed to edit members on aml-workspace")
    assert row.chain == workspace.pk


def test_a_rolled_back_action_is_not_recorded(workspace, olga):
    with transaction.atomic():
        activity.record("role.give", olga, scope=workspace)
        transaction.set_rollback(True)
    assert not Activity.objects.exists()


def test_rows_outlive_the_person_and_the_workspace(workspace, olga):
    activity.record("role.give", olga, actor=Actor(olga), scope=workspace)
    olga.delete()
    workspace.delete()
    assert sentences() == ["olga gave a role to olga"]


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_change_a_row(three_rows, act):
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        if act == "update":
            Activity.objects.filter(number=2).update(actor_name="somebody else")
        else:
            Activity.objects.filter(number=2).delete()
    assert Activity.objects.count() == 3


def test_an_untouched_log_is_found_whole(three_rows, capsys):
    call_command("verify_activity")
    assert "3 rows, all unchanged" in capsys.readouterr().out
    assert activity_checks.check_chains().state == "ok"


def test_a_row_that_was_changed_around_the_triggers_is_found(three_rows):
    rewrite(actor_name="somebody else")
    assert [text.endswith("was changed after it was written.") for text in activity.find_breaks()] == [True]
    assert activity_checks.check_chains().state == "fail"
    with pytest.raises(CommandError, match="1 faults"):
        call_command("verify_activity")


def test_a_row_that_was_taken_out_is_found(three_rows):
    rewrite()
    Activity.objects.filter(number=2).delete()
    assert ["rows between them are missing" in text for text in activity.find_breaks()] == [True]


def test_owners_read_the_log_of_their_workspace_and_site_admins_all(as_user, olga, alice, owner, workspace, three_rows):
    activity.record("subscription.create", workspace.resource_group.subscription)
    page = html_of(as_user(olga).get(URL))
    assert page.count("gave a role to") == 3 and "created the subscription" not in page
    assert as_user(alice).get(URL).status_code == as_user(olga).get("/activity/").status_code == 403
    assert "created the subscription sub-1" in html_of(as_user(owner).get("/activity/"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=SECOND", ["second"]),
        ("q=second+third", []),
        ("person=Lazuli+Studio&verb=role.give", ["third", "second", "first"]),
        ("verb=role.remove", []),
        ("outcome=refused", []),
        ("since=2000-01-01&until=2000-01-02", []),
        ("until=9999-12-31&outcome=done", ["third", "second", "first"]),
    ],
)
def test_the_log_is_filtered_and_downloaded(as_user, olga, three_rows, query, found):
    client = as_user(olga)
    page = html_of(client.get(f"{URL}?{query}"))
    assert [word for word in ("third", "second", "first") if word in page.partition("<tbody>")[2]] == found
    lines = client.get(f"{URL}jsonl/?{query}").getvalue().decode().splitlines()
    assert [json.loads(line)["message"] for line in lines] == found
    rows = list(csv.DictReader(io.StringIO(client.get(f"{URL}csv/?{query}").getvalue().decode("utf-8-sig"))))
    assert [row["message"] for row in rows] == found


def test_the_menu_of_activities_has_words_in_groups(as_user, olga, three_rows):
    page = html_of(as_user(olga).get(f"{URL}?verb=role.give"))
    menu = page.partition('name="verb"')[2].partition("</select>")[0]
    assert '<optgroup label="Jobs">' in menu and re.search(r'value="run.delete">\s*Moved the job … to the trash<', menu)
    assert re.search(r'value="role.give" selected>\s*Gave a role to …<', menu) and ">role.give<" not in menu


def test_a_wrong_filter_says_what_is_allowed(as_user, olga, three_rows):
    assert "access.refuse, account.block, " in as_user(olga).get(f"{URL}csv/?verb=nope").content.decode()
    assert "Enter a valid date" in html_of(as_user(olga).get(f"{URL}?since=yesterday"))
    assert as_user(olga).get(f"{URL}csv/?since=yesterday").status_code == 400


def test_the_download_can_be_verified_without_the_studio(as_user, olga, three_rows):
    lines = [json.loads(line) for line in as_user(olga).get(f"{URL}jsonl/").getvalue().decode().splitlines()]
    for line in lines:
        values = [line[name] for name in HASHED]
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == line["digest"]
    assert [line["previous"] for line in lines] == [lines[1]["digest"], lines[2]["digest"], ""]


def test_a_long_log_is_read_page_by_page(as_user, olga, workspace, django_assert_max_num_queries):
    for number in range(120):
        activity.record("role.give", olga, scope=workspace, message=f"row {number:03}")
    client = as_user(olga)
    with django_assert_max_num_queries(9):
        page = html_of(client.get(URL))
    assert "row 119" in page and "row 069" not in page
    older = re.search(r'href="(\?before=\d+)" rel="next"', page)[1]
    page = html_of(client.get(URL + older))
    assert "row 069" in page and "row 019" not in page
    newer = re.search(r'href="(\?after=\d+)" rel="prev"', page)[1]
    assert "row 119" in html_of(client.get(URL + newer))


def test_what_the_administration_changes_is_written(as_user, owner):
    form = {"username": "alice", "first_name": "Alix", "theme": "system", **factories.USER_FORM}
    alice = factories.make_user("alice")
    assert as_user(owner).post(f"/admin/rows/accounts/user/{alice.pk}/change/", form).status_code == 302
    row = Activity.objects.get()
    assert str(row) == "owner changed user alice in the administration"
    assert "First name" in row.message


def test_every_verb_that_is_written_has_its_words_and_the_other_way_round():
    written = set()
    for path in python_files():
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
                words = [one for part in node.args[:1] for one in ast.walk(part)]
                written |= {one.value for one in words if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    assert written == set(VERBS)
