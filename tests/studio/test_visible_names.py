"""Nothing has a name that cannot be seen, by whatever way it gets it."""

import pytest
from django.test import Client

from accounts.models import User
from compute.models import VmSize
from studio import names, visible_names
from studio.errors import Invalid
from tests import factories

UNSEEN = {
    "blank": "   ",
    "no-break blank": "\u00a0",
    "zero width space": "a\u200bb",
    "zero width joiner": "a\u200db",
    "byte order mark": "\ufeffa",
    "word joiner": "a\u2060b",
    "right-to-left override": "a\u202egpj.exe",
    "isolate": "a\u2066b",
    "right-to-left mark": "a\u200fb",
    "soft hyphen": "a\u00adb",
    "Hangul filler": "\u3164",
    "braille blank": "a\u2800",
    "line separator": "a\u2028b",
    "new line": "a\nb",
    "bell": "a\x07b",
    "escape": "\x1b[31mred",
    "tag character": "a\U000e0041",
    "variation selector": "a\ufe0f",
    "variation selector of a digit": "run 1\ufe0f",
    "variation selector of a letter": "a\U000e0101",
    "never assigned": "a\u2065",
}
SEEN = [
    "a",
    "a b",
    "größe",
    "名前",
    "שם",
    "emoji 🎉",
    "\u26a0\ufe0f 1\ufe0f\u20e3",
    "\u8fbb\U000e0100",
    "a​".strip("\u200b"),
    "ما",
]


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_what_cannot_be_seen_is_no_name(name):
    with pytest.raises(Invalid) as refused:
        names.check_text(name, "display name", max_length=256)
    assert refused.value.target == "displayName"
    assert "U+" in refused.value.message or "is blank" in refused.value.message


@pytest.mark.parametrize("name", SEEN)
def test_names_of_every_script_are_names(name):
    assert names.check_text(name, "display name", max_length=256) == name


def test_the_character_is_named():
    assert "U+202E (RIGHT-TO-LEFT OVERRIDE)" in visible_names.problem_with("a\u202eb")
    assert "U+0007 (a control character)" in visible_names.problem_with("a\x07b")
    assert "U+D800 (half of a character)" in visible_names.problem_with("a\ud800")


def test_a_description_may_have_lines_and_any_direction():
    text = "One line\nand \u200fanother\u202c"
    assert names.check_text(text, "description", max_length=100, allow_lines=True) == text
    assert names.check_tags({"note": text}) == {"note": text}


@pytest.mark.parametrize("what", ["subscription", "resource group name"])
def test_a_filler_is_no_letter_of_a_name(what):
    with pytest.raises(Invalid, match="HANGUL FILLER"):
        names.check_name("a\u3164b", what)


@pytest.mark.parametrize("name", ["   ", "a\u202eb", "a\u200bb"])
class TestEveryRoute:
    """One name by every way in."""

    def test_rest(self, api, alice, w, workspace, name):
        sent = [
            api(alice).put(f"{w}/jobs/r1", {"properties": {"displayName": name, "command": "true", "computeId": "x"}}),
            api(alice).patch(w, {"properties": {"friendlyName": name}}),
            api(alice).patch(w, {"tags": {name: "x"}}),
            api(None).post("/login/device", {"clientName": name}),
        ]
        assert [answer.status_code for answer in sent] == [400] * 4, [answer.content for answer in sent]

    def test_mlflow(self, api, alice, workspace, name):
        base = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow"
        run = factories.make_run(workspace, created_by=alice, status="Running", run_type="mlflow")
        calls = {
            "experiments/create": {"name": name},
            "runs/create": {"experiment_id": str(run.experiment.experiment_id), "run_name": name},
            "runs/update": {"run_id": run.run_id, "run_name": name},
            "runs/set-tag": {"run_id": run.run_id, "key": name, "value": "x"},
            "runs/log-parameter": {"run_id": run.run_id, "key": name, "value": "x"},
            "runs/log-metric": {"run_id": run.run_id, "key": name, "value": 1, "timestamp": 1},
            "registered-models/create": {"name": name},
        }
        for call, body in calls.items():
            answer = api(alice).post(f"{base}/{call}", body)
            assert answer.status_code == 400, (call, answer.content)
            assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE", call

    def test_pages(self, as_user, owner, alice, workspace, name):
        run = factories.make_run(workspace, created_by=alice)
        client = as_user(alice)
        client.post("/account/tokens/", {"name": name, "days": "30"})
        assert not alice.tokens.exists()
        client.post("/ws/aml-workspace/settings/", {"friendly_name": name + "x", "description": "", "tags": ""})
        client.post(
            "/ws/aml-workspace/settings/", {"friendly_name": "", "description": "", "tags": f"{name}x\u200b: y"}
        )
        workspace.refresh_from_db()
        assert (workspace.friendly_name.strip(" x"), workspace.tags) == ("", {})
        client.post(f"/ws/aml-workspace/runs/{run.run_id}/edit/", {"field": "display_name", "value": name})
        shown = run.display_name
        run.refresh_from_db()
        assert run.display_name == shown
        body = {"account-username": "dora", "account-role": "Reader", "account-full_name": f"D\u200b{name}"}
        as_user(owner).post("/ws/aml-workspace/people/account/", body)
        assert not User.objects.filter(username="dora").exists()

    def test_administration(self, owner, name):
        client = Client()
        client.force_login(owner)
        body = {"username": "dora", "first_name": f"D\u202e{name}", "password1": "x", "password2": "x"}
        client.post("/admin/rows/accounts/user/add/", body)
        person = factories.make_user("carl")
        form = {"username": "carl", "first_name": f"C\u202e{name}", "theme": "system"}
        answer = client.post(f"/admin/rows/accounts/user/{person.pk}/change/", form)
        assert answer.status_code == 200
        assert not User.objects.exclude(first_name="").exists()


def test_the_administration_refuses_the_names_of_all_things(owner):
    client = Client()
    client.force_login(owner)
    size = {"name": "A\u202eb", "family": "x", "category": "General purpose", "vcpus": 1, "memory_gb": 1}
    size |= {"storage_gb": 0, "gpus": 0, "gpu": ""}
    assert "is invisible in a name" in client.post("/admin/rows/compute/vmsize/add/", size).content.decode()
    assert not VmSize.objects.filter(family="x").exists()
