"""Run history over the wire: experiments, runs, who may do what."""

from urllib.parse import quote

import pytest

from compute.models import Work
from runs import attempts
from runs.models import Experiment


def test_an_experiment_is_made_once_and_edited(alice_api):
    first = alice_api.put("H/experiments/exp").json()
    assert alice_api.put("H/experiments/exp").json()["experimentId"] == first["experimentId"]
    edited = alice_api.patch("H/experiments/exp", {"name": "exp two", "tags": {"a": 1}, "archived": True}).json()
    assert (edited["name"], edited["tags"]) == ("exp two", {"a": "1"})
    assert edited["archivedTime"]
    assert alice_api.get("H/experiments/exp").status_code == 404
    assert [row["name"] for row in alice_api.get("H/experiments").json()["value"]] == ["exp two"]


def test_a_name_with_a_slash_is_found(alice_api):
    alice_api.put("H/experiments/a%2Fb")
    assert alice_api.get("H/experiments/a%2Fb").json()["name"] == "a/b"
    assert alice_api.put("H/experiments/a%2Fb/runs/r1").json()["experimentName"] == "a/b"


def test_a_bad_experiment_name_says_the_rule(alice_api):
    answer = alice_api.put("H/experiments/%3Cb%3E")
    assert answer.status_code == 400
    assert "1 to 255 letters" in answer.json()["error"]["message"]


def test_an_interactive_run_lives_and_ends(alice_api, started):
    started("r1", displayName="first", tags={"k": "v"}, properties={"p": "1"})
    reply = alice_api.get("H/runs/r1").json()
    assert (reply["status"], reply["runNumber"], reply["displayName"], reply["tags"]) == (
        "Running",
        1,
        "first",
        {"k": "v"},
    )
    assert reply["startTimeUtc"].endswith("Z")
    ended = alice_api.post("H/runs/r1/events", {"status": "Completed"}).json()
    assert ended["status"] == "Completed"
    assert ended["duration"] >= 0
    again = alice_api.post("H/runs/r1/events", {"status": "Completed"})
    assert again.status_code == 200
    back = alice_api.post("H/runs/r1/events", {"status": "Running"})
    assert (back.status_code, back.json()["error"]["code"]) == (409, "run_is_final")


def test_the_same_id_twice_is_a_conflict(alice_api, started):
    started("r1")
    assert alice_api.put("H/experiments/exp/runs/r1").status_code == 409
    assert Experiment.objects.get().run_count == 1


def test_a_failed_run_shows_the_reason(alice_api, started):
    started("r1")
    error = {"code": "UserError", "message": "ValueError: \x1b[31mno\x00", "details": "Traceback…"}
    reply = alice_api.post("H/runs/r1/events", {"status": "Failed", "error": error, "warning": "slow disk"}).json()
    assert reply["error"]["message"] == "ValueError: �[31mno�"
    assert reply["warnings"] == [{"source": "runner", "message": "slow disk"}]


def test_an_unknown_state_names_those_there_are(alice_api, started):
    started("r1")
    answer = alice_api.post("H/runs/r1/events", {"status": "Gone"})
    assert answer.status_code == 400
    assert "Completed" in answer.json()["error"]["message"]


def test_tags_properties_and_names_change(alice_api, started):
    started("r1", tags={"old": "1", "keep": "2"})
    body = {
        "displayName": "new",
        "description": "d",
        "tags": {"a": True},
        "removeTags": ["old"],
        "properties": {"p": 1},
    }
    reply = alice_api.patch("H/runs/r1", body).json()
    assert (reply["displayName"], reply["description"]) == ("new", "d")
    assert reply["tags"] == {"a": "True", "keep": "2"}
    assert reply["properties"] == {"p": "1"}
    assert alice_api.patch("H/runs/r1", {"properties": {"p": 2}}).status_code == 409


def test_fifty_one_tags_are_refused_whole(alice_api, started):
    run = started("r1", tags={"first": "1"})
    answer = alice_api.patch("H/runs/r1", {"tags": {f"t{n}": "" for n in range(50)}})
    assert answer.status_code == 400
    assert run.tag_rows.count() == 1


def test_lists_are_filtered_and_paged(alice_api, started):
    for number in range(5):
        started(f"r{number}", tags={"n": str(number), "even": ""} if number % 2 == 0 else {"n": str(number)})
    started("child", parentRunId="r0")
    alice_api.post("H/runs/r3/events", {"status": "Failed"})

    def ids(query):
        return [row["runId"] for row in alice_api.get(f"H/experiments/exp/runs?{query}").json()["value"]]

    assert ids("") == ["r4", "r3", "r2", "r1", "r0"]
    assert ids("includeChildren=true")[0] == "child"
    assert ids("tag=even") == ["r4", "r2", "r0"]
    assert ids("tag=n:3") == ["r3"]
    assert ids("status=Failed") == ["r3"]
    first = alice_api.get("H/experiments/exp/runs?$top=2").json()
    second = alice_api.get(first["nextLink"].removeprefix("http://testserver")).json()
    assert [row["runId"] for row in first["value"] + second["value"]] == ["r4", "r3", "r2", "r1"]
    first = alice_api.get("H/experiments/exp/runs?status=Failed&status=NotStarted&status=Running&$top=1").json()
    second = alice_api.get(first["nextLink"].removeprefix("http://testserver")).json()
    assert [row["runId"] for row in first["value"] + second["value"]] == ["r4", "r3"]


def test_the_grammar_of_the_query_box_narrows_a_list(alice_api, started):
    for number in range(3):
        started(f"r{number}", tags={"n": str(number)})
    wanted = quote("tags.n in ('0', '2') and not name = 'r0'")
    assert [row["runId"] for row in alice_api.get(f"H/runs?filter={wanted}").json()["value"]] == ["r2"]
    wrong = quote("tags.n = '0' and metrics.loss <>")
    answer = alice_api.get(f"H/experiments/exp/runs?filter={wrong}")
    error = answer.json()["error"]
    assert (answer.status_code, error["target"]) == (400, "filter") and "(at column 33)" in error["message"]


def test_properties_narrow_a_list(alice_api, started):
    started("r1", properties={"a.b": "x"})
    started("r2", properties={"other": "x"})
    assert [r["runId"] for r in alice_api.get("H/runs?property=a.b:x").json()["value"]] == ["r1"]
    assert [r["runId"] for r in alice_api.get("H/runs?property=other").json()["value"]] == ["r2"]
    assert alice_api.get("H/runs?property=%22'%3B--").json()["value"] == []


def test_children_and_their_root(alice_api, started):
    started("p")
    started("c", parentRunId="p")
    started("g", parentRunId="c")
    assert [r["runId"] for r in alice_api.get("H/runs/p/children").json()["value"]] == ["c"]
    below = alice_api.get("H/runs/p/children?recursive=true").json()["value"]
    assert {row["runId"]: row["rootRunId"] for row in below} == {"c": "p", "g": "p"}


def test_parameters_are_written_once(alice_api, started):
    started("r1")
    assert alice_api.post("H/runs/r1/params", {"parameters": {"lr": 0.1}}).json()["parameters"] == {"lr": "0.1"}
    assert alice_api.post("H/runs/r1/params", {"parameters": {"lr": 0.1, "b": 1}}).status_code == 200
    answer = alice_api.post("H/runs/r1/params", {"parameters": {"lr": 0.2}})
    assert answer.status_code == 409
    assert "'0.1'" in answer.json()["error"]["message"]


def test_a_list_costs_few_queries(alice_api, started, django_assert_max_num_queries):
    for number in range(12):
        started(f"r{number}", tags={"a": "b"})
    with django_assert_max_num_queries(10):
        assert len(alice_api.get("H/runs").json()["value"]) == 12


def test_deleting_puts_a_run_out_of_sight(alice_api, started):
    run = started("r1")
    assert alice_api.delete("H/runs/r1").status_code == 409
    alice_api.post("H/runs/r1/events", {"status": "Completed"})
    assert alice_api.delete("H/runs/r1").status_code == 200
    assert alice_api.get("H/runs/r1").status_code == 404
    assert alice_api.get("H/runs").json()["value"] == []
    # Its id stays taken.
    assert alice_api.put("H/experiments/exp/runs/r1").status_code == 409
    run.refresh_from_db()
    assert run.deleted_at


def test_an_experiment_with_a_running_run_stays(alice_api, started):
    started("r1")
    assert alice_api.delete("H/experiments/exp").status_code == 409
    alice_api.post("H/runs/r1/events", {"status": "Completed"})
    assert alice_api.delete("H/experiments/exp").status_code == 200
    assert alice_api.get("H/experiments/exp").status_code == 404
    assert alice_api.get("H/experiments").json()["value"] == []


WRITES = [
    ("PUT", "H/experiments/other", {}),
    ("PUT", "H/experiments/exp/runs/r2", {}),
    ("PATCH", "H/experiments/exp", {"name": "x"}),
    ("DELETE", "H/experiments/exp", None),
    ("PATCH", "H/runs/r1", {"displayName": "x"}),
    ("DELETE", "H/runs/r1", None),
    ("POST", "H/runs/r1/events", {"status": "Completed"}),
    ("POST", "H/runs/r1/heartbeat", {}),
    ("POST", "H/runs/r1/cancel", {}),
    ("POST", "H/runs/r1/token", {}),
    ("POST", "H/runs/r1/metrics", {"batchId": "b", "metrics": []}),
    ("POST", "H/runs/r1/params", {"parameters": {}}),
    ("PUT", "H/runs/r1/artifacts/content?path=a", {}),
    ("POST", "H/runs/r1/artifacts/append?path=a&offset=0", {}),
    ("PUT", "W/jobs/j1", {"properties": {}}),
    ("DELETE", "W/jobs/r1", None),
    ("POST", "W/jobs/r1/cancel", {}),
    ("PUT", "W/environments/e/versions/1", {"properties": {}}),
    ("PUT", "C/snapshots/8a0e2b0e-58b9-4b5c-8a55-0b1f6f1d0d4c", {}),
]
READS = [
    "H/experiments", "H/experiments/exp", "H/experiments/exp/runs", "H/runs", "H/runs/r1", "H/runs/r1/details",
    "H/runs/r1/children", "H/runs/r1/metrics", "H/runs/r1/artifacts", "W/jobs", "W/jobs/r1", "W/environments",
    "C/snapshots?hash=00",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_bob_may_not_write_and_mallory_finds_nothing(bob_api, mallory_api, started, method, path, body):
    run = started("r1")
    assert bob_api.ask(method, path, body).status_code == 403
    assert mallory_api.ask(method, path, body).status_code == 404
    run.refresh_from_db()
    assert (run.status, run.display_name) == ("Running", "r1")


@pytest.mark.parametrize("path", READS)
def test_bob_reads_olga_may_not_and_mallory_finds_nothing(bob_api, olga_api, mallory_api, started, path):
    started("r1")
    assert bob_api.get(path).status_code == 200
    assert olga_api.get(path).status_code == 403
    assert mallory_api.get(path).status_code == 404


def test_no_token_no_answer(started, bob_api):
    from tests.runs.conftest import Caller

    started("r1")
    assert Caller("").get("H/runs/r1").status_code == 401
    assert Caller("nonsense").get("H/runs/r1").status_code == 401


def test_a_run_token_changes_its_own_run_and_children_only(alice_api, started, run_api):
    started("mine")
    started("other")
    started("far", experiment="elsewhere")
    mine = run_api("mine")
    assert mine.get("H/runs/mine").status_code == 200
    assert mine.get("H/runs/other").status_code == 200
    assert mine.get("H/runs/far").status_code == 404
    assert mine.post("H/runs/other/events", {"status": "Failed"}).status_code == 404
    assert mine.put("H/runs/other/artifacts/content?path=a", data=b"x").status_code == 404
    assert mine.put("H/experiments/exp/runs/free", {}).status_code == 403
    assert mine.put("H/experiments/exp/runs/kid", {"parentRunId": "other"}).status_code == 400
    assert mine.put("H/experiments/fresh/runs/kid", {"parentRunId": "mine"}).status_code == 403
    assert mine.put("H/experiments/exp/runs/kid", {"parentRunId": "mine", "status": "Running"}).status_code == 200
    assert mine.post("H/runs/kid/metrics", {"metrics": [{"name": "a", "value": 1}]}).json() == {"accepted": 1}
    assert mine.put("H/experiments/new").status_code == 403
    assert mine.put("H/experiments/exp").status_code == 200
    assert mine.delete("H/runs/kid").status_code == 403
    for runs in ("H/runs", "H/experiments/exp/runs"):
        assert {row["runId"] for row in mine.get(runs).json()["value"]} == {"mine", "other"}
        found = mine.get(f"{runs}?includeChildren=true").json()["value"]
        assert {row["runId"] for row in found} == {"mine", "kid", "other"}


def test_a_run_token_adds_to_its_parent_and_does_nothing_else_there(alice_api, started, run_api):
    started("root")
    for run_id, parent in (("child", "root"), ("grandchild", "child"), ("sibling", "root")):
        started(run_id, parentRunId=parent)
    one = {"metrics": [{"name": "a", "value": 1}]}
    low = run_api("grandchild")
    for run_id, status in (("child", 200), ("root", 404), ("sibling", 404)):
        assert low.get(f"H/runs/{run_id}/details").status_code == 200
        assert low.patch(f"H/runs/{run_id}", {"tags": {"a": "b"}, "properties": {"k": "v"}}).status_code == status
        assert low.post(f"H/runs/{run_id}/metrics", one).status_code == status
        stored = low.put(f"H/runs/{run_id}/artifacts/content?path=a", data=b"x").status_code
        assert stored == (201 if status == 200 else status)
        assert low.post(f"H/runs/{run_id}/events", {"status": "Failed"}).status_code == 404
        assert low.post(f"H/runs/{run_id}/cancel").status_code == 404
        assert low.post(f"H/runs/{run_id}/heartbeat").status_code == 404
        assert low.post(f"H/runs/{run_id}/token").status_code == 404
        assert low.delete(f"H/runs/{run_id}/artifacts/content?path=a").status_code == 404
    assert {row["runId"] for row in low.get("H/runs/root/children").json()["value"]} == {"child", "sibling"}


def test_a_run_that_a_script_makes_below_its_parent_is_the_scripts_to_end(alice_api, started, run_api):
    started("root")
    started("child", parentRunId="root")
    child = run_api("child")
    made = child.put("H/experiments/exp/runs/beside", {"parentRunId": "root", "status": "Running"})
    assert made.json()["parentRunId"] == "root"
    assert child.post("H/runs/beside/metrics", {"metrics": [{"name": "a", "value": 1}]}).status_code == 200
    assert child.post("H/runs/beside/events", {"status": "Completed"}).json()["status"] == "Completed"


def test_a_run_token_makes_a_token_of_its_own_run_alone(alice_api, started, run_api):
    started("root")
    started("child", parentRunId="root")
    assert run_api("root").post("H/runs/root/token").status_code == 200
    assert run_api("root").post("H/runs/child/token").status_code == 404


def test_a_run_is_changed_at_its_experiment_too(alice_api, started):
    started("r1")
    answer = alice_api.patch("H/experiments/exp/runs/r1", {"displayName": "Nice", "tags": {"a": "b"}})
    assert (answer.json()["displayName"], answer.json()["tags"]) == ("Nice", {"a": "b"})
    assert alice_api.patch("H/experiments/none/runs/r1", {"displayName": "x"}).status_code == 404


def test_experiments_are_listed_by_view_and_name(alice_api, started):
    started("r1", "old")
    started("r2", "new")
    alice_api.patch("H/experiments/old", {"archived": True})

    def names(query):
        return {row["name"] for row in alice_api.get(f"H/experiments?{query}").json()["value"]}

    assert names("") == names("viewType=All") == {"old", "new"}
    assert (names("viewType=ActiveOnly"), names("viewType=ArchivedOnly")) == ({"new"}, {"old"})
    assert (names("name=old"), names("name=none")) == ({"old"}, set())
    assert alice_api.get("H/experiments?viewType=Some").json()["error"]["target"] == "viewType"


def test_a_new_run_brings_an_archived_experiment_back(alice_api, started):
    started("r1")
    assert alice_api.patch("H/experiments/exp", {"archived": True}).json()["archivedTime"]
    started("r2")
    assert alice_api.get("H/experiments/exp").json()["archivedTime"] is None


def test_a_stale_attempt_is_refused_everywhere(claimed, run_api):
    run = claimed()
    old, present = run_api("job1", 0), run_api("job1", 1)
    assert present.post("H/runs/job1/events", {"status": "Running"}).status_code == 200
    for path, body in [
        ("H/runs/job1/events", {"status": "Failed"}),
        ("H/runs/job1/heartbeat", {}),
        ("H/runs/job1/metrics", {"metrics": []}),
    ]:
        answer = old.post(path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_attempt")
    assert old.put("H/runs/job1/artifacts/content?path=a", data=b"x").status_code == 409
    Work.objects.filter(pk=run.work_id).update(state=Work.State.LOST)
    assert present.post("H/runs/job1/heartbeat").status_code == 409


def test_a_token_made_for_a_run_opens_that_run(alice_api, started):
    from tests.runs.conftest import Caller

    started("r1")
    made = alice_api.post("H/runs/r1/token").json()
    assert made["expiryTimeUtc"]
    assert Caller(made["token"]).get("H/runs/r1").json()["runId"] == "r1"


def test_details_tell_events_and_links_that_open_logs(alice_api, started):
    from tests.runs.conftest import Caller

    started("r1")
    alice_api.post("H/runs/r1/artifacts/append?path=user_logs/std_log.txt&offset=0", data=b"hello")
    alice_api.put("H/runs/r1/artifacts/content?path=outputs/x", data=b"secret")
    reply = alice_api.get("H/runs/r1/details").json()
    assert [event["status"] for event in reply["events"]] == ["NotStarted", "Running"]
    assert list(reply["logFiles"]) == ["user_logs/std_log.txt"]
    link = "/" + reply["logFiles"]["user_logs/std_log.txt"].split("/", 3)[3]
    stranger = Caller("")
    assert b"".join(stranger.get(link).streaming_content) == b"hello"
    assert stranger.get(link.replace("user_logs%2Fstd_log.txt", "outputs%2Fx")).status_code == 404
    assert stranger.get(link[:-1] + ("A" if link[-1] != "A" else "B")).status_code == 404


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("events", {"status": "Failed"}),
        ("metrics", {"metrics": [{"name": "loss", "value": 1}]}),
        ("params", {"parameters": {"a": "b"}}),
    ],
)
def test_a_claim_between_the_check_and_the_write_wins(claimed, run_api, monkeypatch, what, body):
    run = claimed()
    checked = attempts.bind

    def check_then_lose(*words):
        checked(*words)
        Work.objects.filter(pk=run.work_id).update(attempt=2)

    monkeypatch.setattr(attempts, "bind", check_then_lose)
    answer = run_api("job1", attempt=1).post(f"H/runs/job1/{what}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_attempt")
    run.refresh_from_db()
    assert run.status == "Queued"
    assert not run.metrics.exists() and not run.parameter_rows.exists()
