"""Who may do what, over the API and by page: one table, every line tried by every persona.

`y` is allowed; a number is the status of the refusal. Where these rules are stricter or wider than Azure's,
docs/security.md says why.
"""

import json

import pytest
from django.test import Client

from compute import doorbell
from compute.keys import node_key
from runs.models import Run
from studio import storage
from tests import factories
from workspaces.authentication import run_token
from workspaces.models import Role

H = "/history/v1.0{w}"
C = "/content/v1.0{w}"
JOB = {"properties": {"jobType": "Command", "experimentName": "exp", "command": "true", "computeId": "cpu-cluster"}}
METRIC = {"metrics": [{"name": "loss", "kind": "scalar", "value": 1}]}
SIZE = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS11_V2"}}}
ENVIRONMENT = {"properties": {"condaFile": "dependencies:\n- python=3.11\n"}}
SUB = "/subscriptions/sub-1"
MAKE = f"{SUB}/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/second"
ROLES = {
    "owner": Role.OWNER,
    "contributor": Role.CONTRIBUTOR,
    "scientist": Role.DATA_SCIENTIST,
    "operator": Role.COMPUTE_OPERATOR,
    "reader": Role.READER,
}
# Everybody else: a stranger finds nothing; who has no token, or a node's key, is nobody to this API.
NOBODY = {"anonymous": 401, "node": 401}

# What is done; then owner, contributor, data scientist, compute operator, reader, stranger, and the token of the run "mine".
API = """
read a workspace                | GET    {w}                                                | y y y y y 404 y
list subscriptions              | GET    /subscriptions                                     | y y y y y y y
change a workspace              | PATCH  {w}                                                | y y 403 403 403 404 403
delete a workspace              | DELETE {w}                                                | y 403 403 403 403 404 403
make a workspace                | PUT    {make}                                             | 403 403 403 403 403 403 403
read keys                       | POST   {w}/listKeys                                       | y y 403 403 403 404 403
read quota                      | GET    {sub}/providers/Microsoft.MachineLearningServices/locations/eastus/usages | y y y y y 404 y
list compute                    | GET    {w}/computes                                       | y y y y y 404 403
read compute                    | GET    {w}/computes/cpu-cluster                           | y y y y y 404 403
see nodes                       | POST   {w}/computes/cpu-cluster/listNodes                 | y y y y y 404 403
create compute                  | PUT    {w}/computes/fresh          $size                  | y y 403 y 403 404 403
change compute                  | PATCH  {w}/computes/cpu-cluster                           | y y 403 y 403 404 403
delete compute                  | DELETE {w}/computes/cpu-cluster                           | y y 403 y 403 404 403
list runs                       | GET    {h}/runs                                           | y y y 403 y 404 y
read one's own run              | GET    {h}/runs/mine                                      | y y y 403 y 404 y
read another run                | GET    {h}/runs/other                                     | y y y 403 y 404 404
read metrics                    | GET    {h}/runs/other/metrics                             | y y y 403 y 404 404
read details                    | GET    {h}/runs/other/details                             | y y y 403 y 404 404
list files                      | GET    {h}/runs/other/artifacts                           | y y y 403 y 404 404
download a file                 | GET    {h}/runs/other/artifacts/content?path=a.txt        | y y y 403 y 404 404
read a job                      | GET    {w}/jobs/other                                     | y y y 403 y 404 404
list jobs                       | GET    {w}/jobs                                           | y y y 403 y 404 y
submit                          | PUT    {w}/jobs/fresh              $job                   | y y y 403 403 404 403
make an interactive run         | PUT    {h}/experiments/exp/runs/fresh                     | y y y 403 403 404 403
make a child run                | PUT    {h}/experiments/exp/runs/fresh $child              | y y y 403 403 404 y
cancel                          | POST   {h}/runs/other/cancel                              | y y y 403 403 404 404
cancel a job                    | POST   {w}/jobs/other/cancel                              | y y y 403 403 404 404
log metrics                     | POST   {h}/runs/mine/metrics       $metric                | y y y 403 403 404 y
log metrics to another run      | POST   {h}/runs/other/metrics      $metric                | y y y 403 403 404 404
upload                          | PUT    {h}/runs/mine/artifacts/content?path=b.txt         | y y y 403 403 404 y
upload to another run           | PUT    {h}/runs/other/artifacts/content?path=b.txt        | y y y 403 403 404 404
append to a file                | POST   {h}/runs/other/artifacts/append?path=b.txt&offset=0| y y y 403 403 404 404
delete a file                   | DELETE {h}/runs/other/artifacts/content?path=a.txt        | y y y 403 403 404 404
edit a run                      | PATCH  {h}/runs/other                                     | y y y 403 403 404 404
report an end                   | POST   {h}/runs/other/events       $end                   | y y y 403 403 404 404
delete a run                    | DELETE {h}/runs/ended                                     | y y y 403 403 404 404
delete one's own run            | DELETE {h}/runs/mine                                      | 409 409 409 403 403 404 403
list experiments                | GET    {h}/experiments                                    | y y y 403 y 404 y
make an experiment              | PUT    {h}/experiments/fresh                              | y y y 403 403 404 403
edit an experiment              | PATCH  {h}/experiments/exp                                | y y y 403 403 404 403
delete an experiment            | DELETE {h}/experiments/idle                               | y y y 403 403 404 403
find a snapshot                 | GET    {c}/snapshots?hash=00                              | y y y 403 y 404 y
list environments               | GET    {w}/environments                                   | y y y 403 y 404 y
read an environment             | GET    {w}/environments/env/versions/1                    | y y y 403 y 404 y
register an environment         | PUT    {w}/environments/env/versions/2 $environment       | y y y 403 403 404 403
delete an environment           | DELETE {w}/environments/env                               | y y y 403 403 404 403
"""
BODIES = {
    "$size": SIZE,
    "$job": JOB,
    "$metric": METRIC,
    "$environment": ENVIRONMENT,
    "$end": {"status": "Failed"},
    "$child": {"parentRunId": "mine"},
}

# The same for pages: owner, contributor, data scientist, compute operator, reader, stranger.
PAGES = """
home                    | GET  /ws/aml-workspace/                                | y y y y y 404
properties              | GET  /ws/aml-workspace/settings/                       | y y y y y 404
change properties       | POST /ws/aml-workspace/settings/                       | y y 403 403 403 404
config file             | GET  /ws/aml-workspace/config.json                     | y y y y y 404
delete the workspace    | POST /ws/aml-workspace/delete/                         | 400 403 403 403 403 404
people                  | GET  /ws/aml-workspace/people/                         | y y y y y 404
give a role             | POST /ws/aml-workspace/people/                         | y 403 403 403 403 404
new account             | POST /ws/aml-workspace/people/account/                 | 403 403 403 403 403 404
compute                 | GET  /ws/aml-workspace/compute/                        | y y y y y 404
cluster                 | GET  /ws/aml-workspace/compute/cpu-cluster/            | y y y y y 404
nodes                   | GET  /ws/aml-workspace/compute/cpu-cluster/nodes/      | y y y y y 404
work of a cluster       | GET  /ws/aml-workspace/compute/cpu-cluster/jobs/       | y y y y y 404
new cluster             | GET  /ws/aml-workspace/compute/new/cluster/            | y y 403 y 403 404
edit a cluster          | POST /ws/aml-workspace/compute/cpu-cluster/edit/       | y y 403 y 403 404
delete a cluster        | POST /ws/aml-workspace/compute/cpu-cluster/delete/     | 400 400 403 400 403 404
jobs                    | GET  /ws/aml-workspace/jobs/                           | y y y 403 y 404
experiments             | GET  /ws/aml-workspace/experiments/                    | y y y 403 y 404
run                     | GET  /ws/aml-workspace/runs/other/                     | y y y 403 y 404
metrics                 | GET  /ws/aml-workspace/runs/other/metrics/             | y y y 403 y 404
files                   | GET  /ws/aml-workspace/runs/other/logs/                | y y y 403 y 404
cancel a run            | POST /ws/aml-workspace/runs/other/cancel/              | y y y 403 403 404
edit a run              | POST /ws/aml-workspace/runs/other/edit/                | y y y 403 403 404
delete a run            | POST /ws/aml-workspace/runs/ended/delete/              | y y y 403 403 404
palette                 | GET  /palette/?ws=aml-workspace&q=r                    | y y y y y 404
"""


def lines(table: str):
    for line in table.strip().splitlines():
        name, act, expected = (part.strip() for part in line.split("|"))
        method, address, *body = act.split()
        yield name, method, address, BODIES[body[0]] if body else {}, expected.split()


def cases(table: str, personas: list[str]):
    """One case for each line and persona, named so that a failure says who could do what."""
    for name, method, address, body, expected in lines(table):
        assert len(expected) == len(personas), name
        for persona, wanted in zip(personas, expected, strict=True):
            yield pytest.param(method, address, body, persona, wanted, id=f"{name} by {persona}")


@pytest.fixture
def world(workspace, monkeypatch):
    """A workspace with something of everything; the bell is silent and the bytes are in memory."""
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "store", lambda: memory)
    monkeypatch.setattr(doorbell, "_ring", lambda task, queue: None)
    people = {name: factories.make_user(f"the-{name}") for name in [*ROLES, "stranger"]}
    for name, role in ROLES.items():
        factories.give_role(people[name], role, workspace)
    target = factories.make_target(workspace, "cpu-cluster")
    experiment = factories.make_experiment(workspace, "exp")
    factories.make_experiment(workspace, "idle")
    for run_id in ("mine", "other"):
        run = factories.make_run(workspace, experiment=experiment, run_id=run_id, status=Run.Status.RUNNING)
        storage.put_bytes(f"{run_id}/a", b"abc")
        run.artifacts.create(path="a.txt", size=3).segments.create(offset=0, size=3, key=f"{run_id}/a")
    factories.make_run(workspace, experiment=experiment, run_id="ended", status=Run.Status.COMPLETED)
    factories.make_environment(workspace, "env")
    return {"people": people, "node": factories.make_node(target), "w": workspace.arm_id, "workspace": workspace}


def key_of(world, persona: str) -> str:
    if persona == "run":
        return run_token(world["people"]["scientist"].pk, world["workspace"].pk, "mine", 0)
    if persona == "node":
        return node_key(world["node"])
    return factories.make_token(world["people"][persona])


def send(client, method: str, address: str, body, headers=None):
    data = b"data" if "artifacts" in address and method != "GET" else json.dumps(body)
    return client.generic(method, address, data, "application/json", headers=headers or {})


def judge(answer, wanted: str, allowed=(200, 201)):
    right = answer.status_code in allowed if wanted == "y" else answer.status_code == int(wanted)
    assert right, f"{answer.status_code}: {answer.content[:300] if not answer.streaming else ''}"


@pytest.mark.parametrize(
    ("method", "address", "body", "persona", "wanted"), list(cases(API, [*ROLES, "stranger", "run"]))
)
def test_the_api(world, method, address, body, persona, wanted):
    address = address.format(w=world["w"], h=H.format(w=world["w"]), c=C.format(w=world["w"]), make=MAKE, sub=SUB)
    judge(send(Client(), method, address, body, {"Authorization": f"Bearer {key_of(world, persona)}"}), wanted)


@pytest.mark.parametrize("persona", NOBODY)
def test_without_a_person_the_api_does_nothing(world, persona):
    headers = {} if persona == "anonymous" else {"Authorization": f"Bearer {key_of(world, persona)}"}
    for name, method, address, body, _ in lines(API):
        path = address.format(w=world["w"], h=H.format(w=world["w"]), c=C.format(w=world["w"]), make=MAKE, sub=SUB)
        answer = send(Client(), method, path, body, headers)
        assert answer.status_code == NOBODY[persona], name


@pytest.mark.parametrize(("method", "address", "body", "persona", "wanted"), list(cases(PAGES, [*ROLES, "stranger"])))
def test_the_pages(world, as_user, method, address, body, persona, wanted):
    client = as_user(world["people"][persona])
    answer = client.get(address) if method == "GET" else client.post(address, {})
    judge(answer, wanted, (200, 302))


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_token_opens_no_page(world, method):
    headers = {"Authorization": f"Bearer {key_of(world, 'owner')}"}
    for name, _, address, _, _ in lines(PAGES):
        assert getattr(Client(headers=headers), method)(address).status_code in (302, 405), name


def test_nodes_doors_open_to_nodes_alone(world):
    for persona in (*ROLES, "stranger", "run"):
        headers = {"Authorization": f"Bearer {key_of(world, persona)}"}
        for path in ("heartbeat", "claim", "host"):
            assert send(Client(), "POST", f"/nodes/v1/{path}", {}, headers).status_code == 401


def test_a_role_that_was_taken_is_gone_at_the_next_request(world, as_user):
    reader = world["people"]["reader"]
    token, browser = {"Authorization": f"Bearer {key_of(world, 'reader')}"}, as_user(reader)
    assert Client(headers=token).get(world["w"]).status_code == 200
    reader.roles.all().delete()
    assert Client(headers=token).get(world["w"]).status_code == 404
    assert browser.get("/ws/aml-workspace/").status_code == 404


def test_a_closed_account_is_shut_out_at_the_next_request(world, as_user):
    reader = world["people"]["reader"]
    token, browser = {"Authorization": f"Bearer {key_of(world, 'reader')}"}, as_user(reader)
    assert browser.get("/ws/aml-workspace/").status_code == 200
    reader.is_active = False
    reader.save(update_fields=["is_active"])
    assert Client(headers=token).get(world["w"]).status_code == 401
    assert browser.get("/ws/aml-workspace/").status_code == 302


def test_the_administration_opens_to_site_admins_alone(world, as_user, owner):
    for persona in (*ROLES, "stranger"):
        assert as_user(world["people"][persona]).get("/admin/").status_code == 302, persona
    assert as_user(owner).get("/admin/").status_code == 200
