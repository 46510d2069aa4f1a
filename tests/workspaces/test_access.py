"""Roles by lists of actions as Azure matches them, custom roles from its JSON, groups, and the page that says why."""

import json

import pytest

from accounts.activity import Activity
from accounts.actors import Actor
from accounts.authentication import make_run_token
from studio.errors import Conflict, Denied, Invalid
from tests import factories
from tests.html import html_of
from workspaces import access, custom_roles, groups, role_definitions
from workspaces.models import CustomRole, Role, RoleAssignment, UserGroup
from workspaces.role_definitions import BUILT_IN, NEEDED, Definition, M

PEOPLE, ROLES, ACCESS = (f"/ws/aml-workspace/{page}/" for page in ("people", "roles", "access"))
READ = {"read", "read_compute"}
SECRETS = {"list_secrets", "read_secrets", "edit_secrets"}
SCIENTIST = READ | SECRETS | {"submit", "edit", "use_compute"}
CONTRIBUTOR = SCIENTIST | {"edit_compute", "edit_workspace", "create_workspace", "read_keys"}
ALLOWED = {
    Role.READER: READ,
    Role.COMPUTE_OPERATOR: {"read_compute", "use_compute", "edit_compute"},
    Role.DATA_SCIENTIST: SCIENTIST,
    Role.CONTRIBUTOR: CONTRIBUTOR,
    Role.OWNER: CONTRIBUTOR | {"edit_members", "delete_workspace", "read_activity"},
}
# As Azure's documentation writes them.
SUBMITTER = {
    "Name": "Job Submitter",
    "IsCustom": True,
    "Description": "Submits",
    "Actions": ["*/read"]
    + [
        f"{M}/{one}"
        for one in (
            "environments/write",
            "environments/build/action",
            "environments/readSecrets/action",
            "experiments/runs/submit/action",
            "experiments/runs/write",
            "metadata/artifacts/write",
            "metadata/snapshots/write",
        )
    ],
    "NotActions": [],
    "AssignableScopes": ["/subscriptions/sub-1"],
}
RESTRICTED = {
    "properties": {
        "roleName": "Data Scientist Restricted",
        "description": "No secrets",
        "permissions": [
            {
                "actions": [f"{M}/*/read", f"{M}/*/action", f"{M}/*/delete", f"{M}/*/write"],
                "notActions": [
                    f"{M}/delete",
                    f"{M}/write",
                    f"{M}/computes/*/write",
                    f"{M}/computes/*/delete",
                    f"{M}/connections/listsecrets/action",
                    f"{M}/listKeys/action",
                ],
            }
        ],
        "assignableScopes": ["/subscriptions/sub-1/resourceGroups/aml-resources"],
    }
}


@pytest.fixture
def olga(workspace):
    """An Owner of the subscription, who is no site admin."""
    user = factories.make_user("olga")
    factories.give_role(user, Role.OWNER, workspace.resource_group.subscription)
    return user


@pytest.mark.parametrize("role", Role.values)
def test_the_built_in_roles_allow_by_their_actions_what_the_table_says(role):
    assert role_definitions.verbs_of(frozenset({BUILT_IN[role]})) == ALLOWED[role]


@pytest.mark.parametrize(
    ("pattern", "action", "matched"),
    [
        ("*", "Microsoft.Any/thing/read", True),
        ("*/read", f"{M}/experiments/runs/read", True),
        ("*/read", f"{M}/read/action", False),
        (f"{M}/*/read", f"{M}/experiments/runs/READ", True),
        (f"{M}/computes/*/write", f"{M}/computes/write", True),
        (f"{M}/computes/*", f"{M}/computesX/write", False),
        (f"{M}/models/*/write", f"{M}/models/versions/write", True),
        ("Microsoft.Authorization/*/Write", "microsoft.authorization/roleassignments/write", True),
        (f"{M}/a.c/read", f"{M}/abc/read", False),
    ],
)
def test_a_star_stands_for_any_text_and_case_does_not_count(pattern, action, matched):
    assert role_definitions.matches(pattern, action) == matched


def test_roles_add_up_and_a_not_action_takes_nothing_from_another_role():
    no_keys = Definition("a", ("*",), (f"{M}/listKeys/action",))
    keys = Definition("b", (f"{M}/listKeys/action",))
    assert not role_definitions.allows([no_keys], "read_keys")
    assert role_definitions.allows([no_keys, keys], "read_keys")
    halves = [Definition(one, (one,)) for one in NEEDED["read"][0]]
    assert role_definitions.allows(halves, "read") and not role_definitions.allows(halves[:1], "read")


def test_every_verb_has_actions_and_every_scope_of_a_token_names_verbs():
    assert set().union(*access.SCOPES.values()) <= set(NEEDED) == access.ALL


def test_a_role_of_azures_json_is_made_given_and_counts_at_the_next_request(as_user, api, olga, mallory, workspace, w):
    client = as_user(olga)
    assert client.post(ROLES, {"definition": json.dumps(SUBMITTER)}).url == ROLES
    assert "Job Submitter" in html_of(client.get(PEOPLE))
    assert client.post(PEOPLE, {"username": "mallory", "role": "Job Submitter"}).url == PEOPLE
    assert api(mallory).get(f"/history/v1.0{w}/runs").status_code == 200
    mlflow = f"/mlflow/v1.0{w}/api/2.0/mlflow"
    assert api(mallory).post(f"{mlflow}/experiments/search", {"max_results": 1}).status_code == 200
    assert api(mallory).post(f"{mlflow}/experiments/create", {"name": "x"}).status_code == 403
    assert api(mallory).put(f"{w}/secrets/x", {"value": "x"}).status_code == 403
    assert access.can(Actor(mallory), "submit", workspace) and not access.can(Actor(mallory), "edit", workspace)
    run = factories.make_run(workspace, run_id="r1", status="Running", created_by=mallory)
    token = make_run_token(mallory.pk, workspace.pk, run.run_id, 0)
    assert api(token).get(f"/history/v1.0{w}/runs/r1").status_code == 200
    less = {**SUBMITTER, "Actions": [f"{M}/computes/read"]}
    client.post(ROLES, {"definition": json.dumps(less)})
    assert api(mallory).get(f"/history/v1.0{w}/runs").status_code == 403
    assert api(mallory).post(f"{mlflow}/experiments/search", {"max_results": 1}).status_code == 403
    assert api(token).get(f"/history/v1.0{w}/runs/r1").status_code == 401
    assert [row.verb for row in Activity.objects.filter(verb__startswith="role_def").order_by("pk")] == [
        "role_definition.create",
        "role_definition.edit",
    ]


def write_role(actor, text):
    return custom_roles.write_role(actor, custom_roles.read_definition(text))


def test_the_arm_form_is_read_too(olga, workspace):
    role = write_role(Actor(olga), json.dumps(RESTRICTED))
    assert role_definitions.verbs_of(frozenset({role.definition})) == SCIENTIST - {"list_secrets", "read_secrets"}
    assert custom_roles.RoleDefinition.of(role).NotActions == role.not_actions != []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        (json.dumps({**SUBMITTER, "Name": "reader"}), "built-in role"),
        (json.dumps({**SUBMITTER, "Name": ""}), "is empty"),
        (json.dumps({**SUBMITTER, "Actions": []}), "write a list of 1 to 500"),
        (json.dumps({**SUBMITTER, "Actions": ["a b"]}), "is not an action"),
        (json.dumps({**SUBMITTER, "NotActions": "x"}), "NotActions"),
        (json.dumps({**SUBMITTER, "AssignableScopes": []}), "AssignableScopes"),
        (json.dumps({**SUBMITTER, "AssignableScopes": ["/x"]}), "is not the address"),
    ],
)
def test_a_wrong_definition_is_refused_in_words(as_user, olga, text, words):
    page = html_of(as_user(olga).post(ROLES, {"definition": text}))
    assert words in page and not CustomRole.objects.exists()


def test_a_role_is_made_only_by_those_who_may_give_roles_at_all_its_scopes(owner, olga, alice, workspace):
    everywhere = json.dumps({**SUBMITTER, "AssignableScopes": ["/"]})
    with pytest.raises(Denied, match="site admins"):
        write_role(Actor(olga), everywhere)
    with pytest.raises(Denied, match="edit members"):
        write_role(Actor(alice), json.dumps(SUBMITTER))
    assert write_role(Actor(owner), everywhere).is_assignable(workspace.arm_id)


def test_a_role_is_given_only_where_it_is_assignable_and_stays_while_it_is_given(as_user, olga, mallory, workspace):
    client = as_user(olga)
    role = write_role(Actor(olga), json.dumps(RESTRICTED))
    form = {"username": "mallory", "role": role.name}
    assert "cannot be assigned on sub-1" in html_of(client.post(PEOPLE, {**form, "scope": "subscription"}))
    assert client.post(PEOPLE, {**form, "scope": "resource group"}).url == PEOPLE
    given = RoleAssignment.objects.get(user=mallory)
    assert given.resource_group == workspace.resource_group and given.custom_role == role
    with pytest.raises(Conflict, match="assigned 1 times"):
        custom_roles.delete_role(Actor(olga), role)
    client.post(f"{PEOPLE}{given.pk}/remove/")
    client.post(f"{ROLES}{role.pk}/delete/")
    assert not CustomRole.objects.exists()


def test_a_group_takes_a_role_and_its_owner_says_who_belongs_to_it(
    as_user, api, owner, olga, bob, mallory, workspace, w
):
    as_user(owner).post("/groups/", {"name": "vision", "description": ""})
    group = UserGroup.objects.get()
    page = f"/groups/{group.pk}/"
    as_user(owner).post(page, {"username": "bob", "is_owner": "on"})
    as_user(olga).post(PEOPLE, {"username": "vision", "role": Role.CONTRIBUTOR})
    assert api(mallory).get(w).status_code == as_user(mallory).get(page).status_code == 404
    assert as_user(bob).post(page, {"username": "mallory"}).url == page
    assert api(mallory).patch(w, {"tags": {"by": "group"}}).status_code == 200
    mlflow = f"/mlflow/v1.0{w}/api/2.0/mlflow"
    assert api(mallory).post(f"{mlflow}/experiments/create", {"name": "x"}).status_code == 200
    run = factories.make_run(workspace, run_id="r1", status="Running", created_by=mallory)
    token = make_run_token(mallory.pk, workspace.pk, run.run_id, 0)
    assert api(token).get(f"/history/v1.0{w}/runs/r1").status_code == 200
    assert as_user(mallory).post(page, {"username": "olga"}).status_code == 403
    as_user(bob).post(f"{page}change/", {"username": "mallory"})
    assert api(mallory).get(w).status_code == 404 and api(token).get(f"/history/v1.0{w}/runs/r1").status_code == 401
    as_user(owner).post(f"{page}change/", {"act": "delete"})
    assert not UserGroup.objects.exists() and not RoleAssignment.objects.filter(role=Role.CONTRIBUTOR).exists()


def test_only_site_admins_make_groups(as_user, olga, owner):
    assert as_user(olga).post("/groups/", {"name": "mine", "description": ""}).status_code == 403
    groups.create_group(Actor(owner), "vision")
    with pytest.raises(Conflict):
        groups.create_group(Actor(owner), "VISION")
    with pytest.raises(Invalid):
        groups.add_member(Actor(owner), UserGroup.objects.get(), "nobody")


def test_the_page_says_what_somebody_may_and_why(as_user, owner, olga, bob, workspace):
    group = groups.create_group(Actor(owner), "vision")
    groups.add_member(Actor(owner), group, "bob")
    as_user(olga).post(PEOPLE, {"username": "vision", "role": Role.COMPUTE_OPERATOR, "scope": "resource group"})
    page = html_of(as_user(olga).get(ACCESS, {"who": "bob"}))
    assert "inherited from the resource group aml-resources, by the group vision" in page
    assert "AzureML Compute Operator by <code>…/computes/*</code>" in page
    assert "Reader by <code>*/read</code>" in page and "no role" in page
    assert "inherited from the subscription sub-1" in html_of(as_user(bob).get(ACCESS, {"who": "olga"}))
    assert "Roles of vision (group)" in html_of(as_user(bob).get(ACCESS, {"who": "VISION"}))
    assert "No such name" in html_of(as_user(bob).get(ACCESS, {"who": "nobody"}))
    assert "can do everything" in html_of(as_user(owner).get(ACCESS))


def test_one_query_decides_with_groups_and_custom_roles(olga, bob, owner, workspace, django_assert_num_queries):
    role = write_role(Actor(olga), json.dumps(SUBMITTER))
    RoleAssignment.objects.create(user=bob, role=role.name, custom_role=role, workspace=workspace)
    with django_assert_num_queries(1):
        assert access.can(Actor(bob), "submit", workspace)


def test_of_many_workspaces_one_query_finds_those_that_are_allowed(workspace, bob, owner, django_assert_num_queries):
    group = workspace.resource_group
    elsewhere = factories.make_workspace(factories.make_group(factories.make_subscription("sub-2"), "other"), "far")
    workspaces = [workspace, factories.make_workspace(group, "beside"), elsewhere]
    factories.give_role(bob, Role.CONTRIBUTOR, group)
    members = UserGroup.objects.create(name="readers")
    members.members.add(bob)
    RoleAssignment.objects.create(
        group=members, role=Role.COMPUTE_OPERATOR, subscription=elsewhere.resource_group.subscription
    )
    actors = [Actor(owner), Actor(bob), Actor(bob, scope="read"), Actor(bob, only_workspace=elsewhere.pk)]
    for actor in actors:
        for verb in NEEDED:
            found = access.allowed_among(actor, verb, workspaces)
            assert found == [one for one in workspaces if access.can(actor, verb, one)], (actor, verb)
    with django_assert_num_queries(1):
        access.allowed_among(Actor(bob), "read", workspaces)


def test_a_limited_token_of_its_owner_changes_no_group(olga, workspace):
    group = UserGroup.objects.create(name="vision")
    group.owners.add(olga)
    for limits in (
        {"scope": "write"},
        {"only_workspace": workspace.pk},
        {"run_id": "r1", "workspace_id": workspace.pk},
    ):
        with pytest.raises(Denied, match="Only an owner of the group"):
            groups.add_member(Actor(olga, **limits), group, "olga")
    assert groups.add_member(Actor(olga), group, "olga") == olga
