"""Rows of the catalogue about the API: the row, the route, what is sent, and a word of the refusal."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from runs.models import Run
from tests import factories
from tests.bad_inputs.apis import ML, WORKSPACE_PATH, H, error_text
from tests.bad_inputs.bodies import JOB
from workspaces.models import Role, Workspace

# The row of the catalogue of bad inputs, the route, what is sent, and a word of the refusal.
REFUSED = [
    ("A03", f"PATCH {H}/runs/r1", b"[1]", "JSON object, not a list"),
    ("A03", f"PATCH {H}/runs/r1", b"null", "JSON object"),
    ("A03", f"PATCH {H}/runs/r1", b'"x"', "JSON object"),
    ("A11", f"PATCH {H}/runs/r1", rb'{"displayName": "\ud800"}', "half of a character"),
    ("A12", f"PATCH {H}/runs/r1", rb'{"displayName": "a\u0000b"}', "NUL"),
    ("A25", f"GET {H}/runs?$skiptoken=zzz", b"", "whole number"),
    ("A29", f"GET {H}/runs?filter=name REGEXP '(a+)+$'", b"", "expected a comparison"),
    ("A62", f"GET {H}/runs/r1/metrics/points?name=a&after=x", b"", "integer"),
    ("E53", f"GET {WORKSPACE_PATH}/environments/env/versions/-1", b"", "it has 1"),
    ("E53", f"GET {WORKSPACE_PATH}/environments/env/versions/1.0", b"", "it has 1"),
    ("E39", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": {"command": "x", "environmentId": "AzureML-none", "computeId": "local"}}).encode(), "AzureML-Minimal"),
    ("E38", f"PUT {WORKSPACE_PATH}/environments/fresh/versions/1", b'{"properties": {"definition": {"environmentVariables": {"LD_PRELOAD": "x"}}}}', "LD_PRELOAD"),
    ("E38", f"PUT {WORKSPACE_PATH}/environments/fresh/versions/1", json.dumps({"properties": {"definition": {"environmentVariables": {"A": "x" * 40_000}}}}).encode(), "32000"),
    ("E38", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"environmentDefinition": {"environmentVariables": {"LD_LIBRARY_PATH": "x"}}}}).encode(), "LD_LIBRARY_PATH"),
    ("R53", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"environmentVariables": {f"V{n}": "" for n in range(10_000)}}}).encode(), "1000 are allowed"),
    ("R55", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"resources": {"instanceCount": 8}}}).encode(), "instanceCount"),
    ("A04", f"PATCH {H}/runs/r1", b'{"displayName": NaN}', "NaN"),
    ("A07", f"PATCH {H}/runs/r1", b'{"displayName": ' + b"9" * 5000 + b"}", "not JSON"),
    ("A08", f"POST {H}/runs/r1/metrics", b'{"metrics": [{"name": "a", "step": 9223372036854775808, "value": 1}]}', "2^63"),
    ("A08", f"PUT {WORKSPACE_PATH}/jobs/fresh", b'{"properties": {"x": 1e400}}', "1e400"),
    ("A10", f"PUT {WORKSPACE_PATH}/jobs/fresh", b'{"properties": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}", "32 levels"),
    ("A13", f"PATCH {H}/runs/r1", '{"displayName": "x"}'.encode("utf-16"), "UTF-8"),
    ("A14", f"POST {H}/runs/r1/metrics", b'{"x": "' + b"x" * 8 * 2**20 + b'"}', "8 MiB"),
    ("A14", f"PATCH {H}/runs/r1", b'{"x": "' + b"x" * 8 * 2**20 + b'"}', "8 MiB"),
    ("A23", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": true}}}}', "whole number"),
    ("A23", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": "1"}}}}', "whole number"),
    ("A35", f"PUT {WORKSPACE_PATH.replace('aml-workspace', 'AML-WORKSPACE')}", b'{"properties": {"keyVault": "x"}}', "key vault"),
    ("A35", f"PUT {WORKSPACE_PATH}/computes/CPU-Cluster", b'{"properties": {"properties": {"vmSize": "Standard_NC6"}}}', "cannot be changed"),
    ("A36", f"PUT {WORKSPACE_PATH[:-13]}ab", b"{}", "3 to 33"),
    ("A36", f"PUT {H}/experiments/{'x' * 256}", b"", "1 to 255"),
    ("A38", f"PUT {WORKSPACE_PATH}/computes/-x", b"{}", "starting with a letter"),
    ("A38", f"PUT {H}/experiments/.git", b"", "starting with a letter"),
    ("A39", f"PATCH {H}/runs/r1", json.dumps({"tags": {str(n): "" for n in range(51)}}).encode(), "50 are allowed"),
    ("A39", f"PATCH {H}/runs/r1", json.dumps({"description": "x" * 5001}).encode(), "5000 are allowed"),
    ("A40", f"POST {H}/runs/r1/metrics", json.dumps({"metrics": [{}] * 10_001}).encode(), "10000 are allowed"),
    ("A50", f"POST {H}/runs/r1/events", b'{"status": "Queued"}', "cannot become"),
    ("A51", f"DELETE {H}/runs/r1", b"", "not ended"),
    ("A51", f"DELETE {H}/experiments/exp", b"", "not ended"),
    ("F33", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"minNodeCount": 9}}}}', "more than the maximum"),
    ("F33", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"scaleSettings": {"maxNodeCount": 1000000}}}}', "1 to 100"),
    ("F37", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"vmSize": "Huge"}}}', "Choose one of"),
    ("F37", f"PATCH {WORKSPACE_PATH}/computes/cpu-cluster", b'{"properties": {"properties": {"vmPriority": "LowPriority"}}}', "cannot be changed"),
    ("F38", f"PUT {H}/experiments/exp/runs/fresh", b'{"parentRunId": "elsewhere"}', "no run"),
    ("S41", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"environmentVariables": {"A=B": "x"}}}).encode(), "no ="),
    ("S41", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"environmentVariables": {"LD_PRELOAD": "x"}}}).encode(), "LD_PRELOAD"),
    ("S42", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": JOB | {"computeId": "gone"}}).encode(), "cpu-cluster"),
    ("S43", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": {"command": "x", "environmentId": "gone:1", "computeId": "local"}}).encode(), "There are"),
    ("E46", f"PUT {WORKSPACE_PATH}/environments/env/versions/1", b'{"properties": {"image": "other"}}', "cannot be changed"),
    ("E53", f"PUT {WORKSPACE_PATH}/environments/env/versions/latest", b'{"properties": {}}', "latest"),
    ("E45", f"GET {WORKSPACE_PATH}/environments/env/versions/7", b"", "it has 1"),
    ("E07", f"PUT {WORKSPACE_PATH}/environments/a%20b/versions/1", b'{"properties": {}}', "letters"),
    ("E38", f"PUT {WORKSPACE_PATH}/environments/fresh/versions/1", b'{"properties": {"definition": {"environmentVariables": []}}}', "object"),
    ("R53", f"PUT {WORKSPACE_PATH}/jobs/fresh", json.dumps({"properties": {"command": "x" * 100_001}}).encode(), "100000 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "route", "body", "word"), REFUSED, ids=[f"{row[0]} {row[3]}" for row in REFUSED])
def test_a_row_of_the_catalogue(world, row, route, body, word):
    method, _, path = route.partition(" ")
    answer = world.generic(method, path, body, "application/json")
    assert 400 <= answer.status_code < 500, answer.content[:300]
    assert word in error_text(answer), error_text(answer)


def test_a_body_that_is_packed_is_not_unpacked(world):
    """Row A15."""
    answer = world.generic(
        "PATCH", f"{H}/runs/r1", b"\x1f\x8b\x08\x00", "application/json", headers={"Content-Encoding": "gzip"}
    )
    assert 400 <= answer.status_code < 500


def test_unknown_methods_are_refused(world):
    """Row A52."""
    for method in ("TRACE", "OPTIONS", "BREW", "PUT"):
        assert world.generic(method, f"{H}/runs").status_code == 405
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert world.post(f"{H}/runs/r1", {}, "application/json", headers=headers).status_code == 405
    assert Run.objects.filter(run_id="r1", deleted_at=None).exists()


def test_read_only_fields_are_ignored(world):
    """Row A22: what is not to be set is passed over, as Azure does."""
    body = {"displayName": "new", "status": "Completed", "runId": "x", "createdBy": "me", "workspace": 5}
    assert world.generic("PATCH", f"{H}/runs/r1", json.dumps(body), "application/json").status_code < 500
    run = Run.objects.get(run_id="r1")
    assert run.status == Run.Status.RUNNING and run.workspace.name == "aml-workspace"


def test_a_token_in_the_url_is_not_accepted(world, owner):
    """Row A56."""
    secret = factories.make_token(owner)
    for name in ("token", "access_token", "api_key"):
        assert Client().get(f"{WORKSPACE_PATH}?{name}={secret}").status_code == 401


def test_a_forged_host_or_origin_gains_nothing(world, owner):
    """Row A54."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    headers = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    assert (
        browser.post("/ws/aml-workspace/delete/", {"confirm_name": "aml-workspace"}, headers=headers).status_code == 403
    )
    assert Workspace.objects.filter(deleted_at=None).exists()


def test_what_looks_odd_and_is_right_is_taken(world):
    """Rows A05, A13 and A23."""
    with_mark = b"\xef\xbb\xbf" + json.dumps({"displayName": r"C:\u0000 \ud83d", "tags": {"e": "\U0001f4a5"}}).encode()
    assert world.patch(f"{H}/runs/r1", with_mark, "application/json").json()["displayName"] == r"C:\u0000 \ud83d"
    scale = {"properties": {"properties": {"scaleSettings": {"minNodeCount": 1.0, "maxNodeCount": 2}}}}
    assert (
        world.patch(f"{WORKSPACE_PATH}/computes/cpu-cluster", json.dumps(scale), "application/json").status_code == 200
    )
    point = {"metrics": [{"name": "a", "value": word} for word in ("NaN", "Infinity", "-Infinity")]}
    assert world.post(f"{H}/runs/r1/metrics", json.dumps(point), "application/json").json() == {"accepted": 3}


def test_how_a_run_ended_is_never_refused_for_its_words(world):
    event = {
        "status": "Failed",
        "message": "a\udcff\0b",
        "error": {"code": "\ud800", "message": "\0", "details": ["\udcff"]},
    }
    answer = world.post(f"{H}/runs/r1/events", json.dumps(event), "application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["error"]["message"] == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "address", [f"{WORKSPACE_PATH}/jobs/a%00b", f"{ML}/nowhere%00", f"{WORKSPACE_PATH}/nowhere", "/subscriptions/a%00"]
)
def test_an_unknown_url_is_answered_in_the_format_of_its_api(world, address):
    answer = world.get(address)
    assert answer.status_code == 404 and "nothing at" in error_text(answer)


@pytest.mark.parametrize(
    "address", [f"{H}/runs?tag=a%00", f"{ML}/runs/get?run_id=%00", "/discovery/workspaces/1?x=%00"]
)
def test_a_nul_in_a_query_is_refused_by_name(world, address):
    answer = world.get(address)
    name = address.partition("?")[2].partition("=")[0]
    assert answer.status_code == 400 and f"'{name}' contains a NUL" in error_text(answer)


def test_server_errors_reveal_no_internals(world, monkeypatch):
    """Row A64."""

    def broken(*words):
        raise RuntimeError("SELECT secret")

    monkeypatch.setattr("runs.api.resources.Run.of", broken)
    answer = world.get(f"{H}/runs/r1")
    assert answer.status_code == 500 and "secret" not in answer.content.decode()
    assert json.loads(answer.content)["error"]["code"] == "InternalError"


def test_what_is_elsewhere_deleted_or_nowhere_is_the_same_404(world, workspace, mallory):
    """Row A31, for somebody who may not restore."""
    other = factories.make_workspace(workspace.resource_group, "other")
    factories.make_run(other, run_id="r2")
    factories.make_run(workspace, run_id="r3", deleted_at=timezone.now())
    factories.give_role(mallory, Role.READER, workspace)
    reader = Client(headers={"Authorization": f"Bearer {factories.make_token(mallory)}"})
    answers = [reader.get(f"{H}/runs/{run_id}") for run_id in ("no", "r2", "r3")]
    assert [answer.status_code for answer in answers] == [404] * 3
    said = {
        error_text(answer).replace(f"'{run_id}'", "")
        for answer, run_id in zip(answers, ("no", "r2", "r3"), strict=True)
    }
    assert len(said) == 1, said


def test_no_body_is_an_empty_object_where_nothing_has_to_be_said(world):
    """Row A01: as Azure's clients send it."""
    assert world.generic("POST", f"{H}/runs/r1/metrics", b"", "application/json").json() == {"accepted": 0}
    needed = world.generic("PATCH", f"{H}/runs/r1", b"", "application/json")
    assert needed.status_code == 422 and error_text(needed) == "The body is empty: send a JSON object."


@pytest.mark.parametrize("kind", ["text/plain", "", "<script>alert(1)</script>"])
def test_a_cookie_opens_no_api_whatever_the_kind_of_the_body(world, browser, kind):
    """Rows A19 and A20: there is no simple request to forge, and an answer is never read as a page."""
    assert browser.generic("PATCH", f"{H}/runs/r1", b'{"displayName": "x"}', kind).status_code == 401
    for route in (f"{H}/runs/r1/metrics", f"{ML}/runs/search"):
        answer = world.generic("POST", route, b"{}", kind)
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_points_after_any_number_are_those_that_are_there(world):
    """Row A62."""
    world.post(f"{H}/runs/r1/metrics", {"metrics": [{"name": "a", "value": 1}]}, "application/json")
    for after, count in (("-1", 1), ("0", 1), ("1", 0), ("999999999999", 0)):
        answer = world.get(f"{H}/runs/r1/metrics/points?name=a&after={after}")
        assert answer.status_code in (200, 400), after
        assert answer.status_code == 400 or len(answer.json()["values"]) == count


def test_names_that_look_alike_are_two_models(world):
    """Row A34: a name is decoded once, so that neither reaches the other."""
    for name in ("a b", "a%20b"):
        assert world.post(f"{ML}/registered-models/create", {"name": name}, "application/json").status_code == 200
    for name in ("a b", "a%20b"):
        found = world.get(f"{ML}/registered-models/get", {"name": name})
        assert found.json()["registered_model"]["name"] == name


def test_the_last_value_of_a_repeated_parameter_counts(world):
    assert world.get(f"{H}/runs?filter=no filter&filter=").status_code == 200
    assert world.get(f"{H}/runs?filter=&filter=no filter").status_code == 400
    answer = world.get(f"{ML}/runs/get?run_id=r1&run_id=r2")
    assert answer.status_code == 400 and "'run_id'" in error_text(answer)
