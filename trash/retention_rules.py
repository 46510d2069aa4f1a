"""Rules by which a workspace deletes old runs, logs and outputs; off until an Owner turns one on."""

import datetime as dt
import fnmatch
import logging

from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from runs.files import artifacts
from runs.models import Artifact, ArtifactSegment, Experiment, Run, RunTag, Star
from studio.purging import list_needed_runs
from trash.models import RetentionAct, RetentionRule

logger = logging.getLogger(__name__)
# Runs per batch.
BATCH = 100
# A little less than a day, so that each rule keeps its hour.
DAY = dt.timedelta(hours=23, minutes=30)
# Folders by what a rule deletes.
FOLDERS = {
    RetentionRule.Takes.LOGS: ["user_logs/", "logs/", "azureml-logs/", "system_logs/"],
    RetentionRule.Takes.OUTPUTS: ["outputs/"],
}


def runs_reached_by(rule: RetentionRule):
    """The ended runs that a rule applies to now; never one whose files a registered model needs."""
    before = timezone.now() - dt.timedelta(days=rule.days)
    found = Run.objects.filter(workspace=rule.workspace, deleted_at=None, status__in=Run.TERMINAL, ended_at__lt=before)
    found = found.exclude(pk__in=list_needed_runs(rule.workspace_id))
    found = found.exclude(pk__in=_kept(rule).values("pk"))
    if rule.experiments.strip() not in ("", "*"):
        found = found.filter(experiment__in=_experiments(rule))
    if rule.takes == RetentionRule.Takes.RUNS:
        # A run is deleted with its descendants, so only whole families are: by root, and none that is active.
        found = found.filter(parent=None).exclude(pk__in=_roots_that_stay(rule))
    return found


def _kept(rule: RetentionRule):
    """The runs that are kept because of their tag or star."""
    said = Q(pk__in=RunTag.objects.filter(name=rule.keep_tag).values("run")) if rule.keep_tag else Q(pk=None)
    if rule.keep_starred:
        said |= Q(pk__in=Star.objects.values("run"))
    return Run.objects.filter(said, workspace=rule.workspace)


def _experiments(rule: RetentionRule) -> list[int]:
    """Experiments whose name matches one of the comma-separated patterns."""
    patterns = [pattern.strip() for pattern in rule.experiments.split(",") if pattern.strip()]
    rows = Experiment.objects.present().filter(workspace=rule.workspace).values_list("pk", "name")
    return [pk for pk, name in rows if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def _roots_that_stay(rule: RetentionRule):
    """Families with a member that is active, kept by tag or star, or needed by a model."""
    below = Run.objects.filter(workspace=rule.workspace, deleted_at=None).exclude(root=None)
    stay = Q(status__in=Run.ACTIVE) | Q(pk__in=list_needed_runs(rule.workspace_id)) | Q(pk__in=_kept(rule).values("pk"))
    return below.filter(stay).values("root")


def files_reached_by(rule: RetentionRule):
    """The files that a rule deletes; for a rule for runs, all files of these and their descendants."""
    found = runs_reached_by(rule)
    if rule.takes == RetentionRule.Takes.RUNS:
        roots = found.values("pk")
        return Artifact.objects.filter(
            run__in=Run.objects.filter(root__in=roots).values("pk")
        ) | Artifact.objects.filter(run__in=roots)
    return Artifact.objects.filter(run__in=found.values("pk")).filter(_in_folders(rule))


def _in_folders(rule: RetentionRule):
    wanted = Q()
    for folder in FOLDERS[RetentionRule.Takes(rule.takes)]:
        # "0" follows "/": a range, unlike a pattern, uses the index on every database.
        wanted |= Q(path__gte=folder, path__lt=f"{folder[:-1]}0")
    return wanted


def estimate_rule(rule: RetentionRule) -> dict:
    """Estimate what the rule would delete now: runs, files and bytes."""
    files = files_reached_by(rule)
    totals = files.aggregate(bytes=Sum("size"))
    runs = runs_reached_by(rule).count()
    if rule.takes != RetentionRule.Takes.RUNS:
        runs = files.order_by().values("run").distinct().count()
    return {"runs": runs, "files": files.count(), "bytes": totals["bytes"] or 0}


def apply_due_rules() -> None:
    due = Q(ran_at=None) | Q(ran_at__lt=timezone.now() - DAY)
    rules = RetentionRule.objects.filter(due, is_on=True, workspace__deleted_at=None).select_related("workspace")
    for rule in rules:
        apply_rule(rule)


def apply_rule(rule: RetentionRule) -> int:
    """Apply a rule in batches; safe to run twice. Returns the number of affected runs."""
    carry_out = _trash_runs if rule.takes == RetentionRule.Takes.RUNS else _delete_files
    act = RetentionAct.objects.create(workspace=rule.workspace, rule=str(rule))
    while carry_out(rule, act):
        # Each batch is recorded, in case the task is killed.
        act.save(update_fields=["runs", "files", "bytes"])
    RetentionRule.objects.filter(pk=rule.pk).update(ran_at=timezone.now(), took=act.runs)
    logger.info("Retention of %s: %s reached %s runs", rule.workspace, rule, act.runs)
    if not act.runs:
        act.delete()
    return act.runs


def _trash_runs(rule: RetentionRule, act: RetentionAct) -> bool:
    pks = list(runs_reached_by(rule).order_by("pk").values_list("pk", flat=True)[:BATCH])
    _count(act, Artifact.objects.filter(Q(run__in=pks) | Q(run__root__in=pks)))
    Run.objects.filter(pk__in=pks).to_trash()
    act.runs += len(pks)
    return bool(pks)


def _delete_files(rule: RetentionRule, act: RetentionAct) -> bool:
    """Delete the files run by run, so that each run is counted once."""
    runs = list(files_reached_by(rule).order_by("run").values_list("run", flat=True).distinct()[:BATCH])
    files = Artifact.objects.filter(run__in=runs).filter(_in_folders(rule))
    keys = list(ArtifactSegment.objects.filter(artifact__in=files).values_list("key", flat=True))
    _count(act, files)
    with transaction.atomic():
        files.delete()
        Run.objects.filter(pk__in=runs).update(revision=F("revision") + 1)
    artifacts.delete_objects(keys)
    act.runs += len(runs)
    return bool(runs)


def _count(act: RetentionAct, files) -> None:
    totals = files.aggregate(files=Count("pk"), bytes=Sum("size"))
    act.files += totals["files"]
    act.bytes += totals["bytes"] or 0
