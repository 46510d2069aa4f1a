"""Rules that delete old jobs, logs and outputs: off at first, told before, carried out every day."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from registry.models import Model, ModelVersion
from runs.files import artifacts
from runs.models import Run
from studio import storage
from tests import factories
from trash import retention_rules
from trash.models import RetentionRule
from trash.tasks import apply_retention


def ago(days):
    return timezone.now() - dt.timedelta(days=days)


def url(workspace, name="trash:retention", *args):
    return reverse(name if ":" in name else f"runs:{name}", args=[workspace.slug, *args])


def text(answer):
    return " ".join(answer.content.decode().split())


def rule(workspace, **fields):
    return RetentionRule.objects.create(workspace=workspace, **{"days": 30, "is_on": True, **fields})


@pytest.fixture
def runs(workspace):
    """Old and new ones in two experiments; `old` with a log and an output."""
    tmp, real = factories.make_experiment(workspace, "tmp-1"), factories.make_experiment(workspace, "real")
    made = {}
    for name, experiment, days in (("old", tmp, 40), ("kept", tmp, 40), ("new", tmp, 20), ("real", real, 40)):
        made[name] = factories.make_run(
            workspace, experiment=experiment, run_id=name, status="Completed", ended_at=ago(days)
        )
    made["kept"].tag_rows.create(name="keep")
    made["live"] = factories.make_run(workspace, experiment=tmp, run_id="live", status="Running")
    artifacts.store_artifact(made["old"], "user_logs/std_log.txt", [b"log" * 10])
    artifacts.store_artifact(made["old"], "outputs/model.bin", [b"x" * 1000])
    return made


def present():
    return set(Run.objects.filter(deleted_at=None).values_list("run_id", flat=True))


def test_a_rule_is_written_off_tells_what_it_would_do_and_does_it_once_on(as_user, alice, workspace, runs):
    client = as_user(alice)
    body = {"takes": "runs", "days": 30, "experiments": "tmp-*", "keep_tag": "keep"}
    assert "Would delete 1 job now, with 1.0 KB of files." in text(
        client.get(url(workspace, "trash:retention_estimate"), body)
    )
    page = text(client.post(url(workspace), body, follow=True))
    assert "The rule is saved" in page and "<td>Off</td>" in page and "Would delete 1 job now" in page
    apply_retention()
    assert present() == {"old", "kept", "new", "real", "live"}
    client.post(url(workspace, "trash:retention_switch", RetentionRule.objects.get().pk))
    apply_retention()
    assert present() == {"kept", "new", "real", "live"}
    # To the trash, from which they come back.
    assert "old" in Run.objects.exclude(deleted_at=None).values_list("run_id", flat=True)
    assert "1 job" in text(client.get(url(workspace)))
    client.post(url(workspace, "trash:retention_delete", RetentionRule.objects.get().pk))
    assert not RetentionRule.objects.exists()


def test_a_star_of_anybody_keeps_a_job(workspace, runs, bob):
    runs["old"].stars.create(user=bob)
    assert retention_rules.apply_rule(rule(workspace, experiments="tmp-*")) == 0
    assert retention_rules.apply_rule(rule(workspace, experiments="tmp-*", keep_starred=False)) == 1


def test_a_rule_is_carried_out_once_a_day(workspace, runs):
    made = rule(workspace)
    apply_retention()
    runs["old"].refresh_from_db()
    runs["old"].restore()
    apply_retention()
    assert "old" in present()
    RetentionRule.objects.filter(pk=made.pk).update(ran_at=ago(1))
    apply_retention()
    assert "old" not in present()


def test_a_family_goes_whole_or_not_at_all(workspace, runs):
    old = {"status": "Completed", "ended_at": ago(40), "experiment": runs["old"].experiment}
    below = factories.make_run(workspace, run_id="below", parent=runs["old"], root=runs["old"], **old)
    for fields in ({"status": "Running", "ended_at": None}, {"status": "Completed", "ended_at": ago(40)}):
        Run.objects.filter(pk=below.pk).update(**fields)
        below.tag_rows.create(name="keep") if fields["ended_at"] else None
        retention_rules.apply_rule(rule(workspace, experiments="tmp-*"))
        assert {"old", "below"} <= present()
    below.tag_rows.all().delete()
    retention_rules.apply_rule(rule(workspace, experiments="tmp-*"))
    assert not {"old", "below"} & present()


@pytest.mark.parametrize(
    ("takes", "left", "freed"), [("logs", "outputs/model.bin", 30), ("outputs", "user_logs/std_log.txt", 1000)]
)
def test_logs_and_outputs_go_at_once_and_the_job_stays(workspace, runs, takes, left, freed):
    made = rule(workspace, takes=takes)
    assert retention_rules.estimate_rule(made) == {"runs": 1, "files": 1, "bytes": freed}
    before = sum(item["size"] for batch in storage.list_area("w") for item in batch)
    assert retention_rules.apply_rule(made) == 1
    after = sum(item["size"] for batch in storage.list_area("w") for item in batch)
    assert list(runs["old"].artifacts.values_list("path", flat=True)) == [left]
    assert before - after == freed and "old" in present()
    assert retention_rules.apply_rule(made) == 0


def test_files_of_a_registered_model_are_never_deleted(workspace, runs):
    model = Model.objects.create(workspace=workspace, name="m")
    ModelVersion.objects.create(workspace=workspace, model=model, number=1, run=runs["old"], source="runs:/old/model")
    for takes in ("runs", "outputs"):
        assert retention_rules.apply_rule(rule(workspace, takes=takes, experiments="tmp-*")) == 0
    assert "old" in present() and runs["old"].artifacts.count() == 2


def test_what_a_rule_did_is_kept_after_the_rule(as_user, alice, workspace, runs):
    made = rule(workspace, takes="outputs", experiments="tmp-*")
    for _ in range(2):
        retention_rules.apply_rule(made)
    rule(workspace, experiments="real", days=30)
    apply_retention()
    acts = [(act.rule.split(":")[0], act.runs, act.files, act.bytes) for act in workspace.retention_acts.all()]
    assert acts == [("Jobs, to the trash", 1, 0, 0), ("Outputs of jobs, permanently", 1, 1, 1000)]
    workspace.retention_rules.all().delete()
    page = text(as_user(alice).get(url(workspace)))
    assert "Outputs of jobs, permanently: more than 30 days after the end, in tmp-*" in page and "1.0 KB" in page


def test_many_files_go_in_batches(workspace, runs, monkeypatch):
    monkeypatch.setattr(retention_rules, "BATCH", 1)
    for name in ("real", "kept"):
        artifacts.store_artifact(runs[name], "outputs/a", [b"12345"])
    assert retention_rules.apply_rule(rule(workspace, takes="outputs", keep_tag="")) == 3
    act = workspace.retention_acts.get()
    assert (act.runs, act.files, act.bytes) == (3, 3, 1010)


def test_another_workspace_is_left_alone(workspace, runs):
    other = factories.make_workspace(workspace.resource_group, "other")
    factories.make_run(other, run_id="theirs", status="Completed", ended_at=ago(400))
    apply_retention()
    rule(workspace)
    apply_retention()
    assert "theirs" in present()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"days": 0}, "from 1 to 36,500"),
        ({"days": "x"}, "Enter a whole number"),
        ({"takes": "all"}, "Select a valid choice"),
        ({"experiments": "x" * 501}, "500 are allowed"),
    ],
)
def test_errors_are_reported(as_user, alice, workspace, body, words):
    body = {"takes": "runs", "days": 30, "experiments": "*", **body}
    answer = as_user(alice).post(url(workspace), body)
    assert (answer.status_code, words in text(answer)) == (400, True)
    assert words in text(as_user(alice).get(url(workspace, "trash:retention_estimate"), body))


def test_who_may_write_rules(as_user, alice, bob, mallory, workspace):
    made = rule(workspace)
    body = {"takes": "runs", "days": 30, "experiments": "*"}
    assert as_user(bob).get(url(workspace)).status_code == 200 and "New rule" not in text(
        as_user(bob).get(url(workspace))
    )
    for address in (
        url(workspace),
        url(workspace, "trash:retention_switch", made.pk),
        url(workspace, "trash:retention_delete", made.pk),
    ):
        assert as_user(bob).post(address, body).status_code == 403
        assert as_user(mallory).post(address, body).status_code == 404
    assert as_user(mallory).get(url(workspace)).status_code == 404
    assert as_user(alice).get(url(workspace, "trash:retention_switch", made.pk)).status_code == 405
    made.refresh_from_db()
    assert made.is_on
