"""Three experiments of a busy month: very many runs, a sweep, and runs with unusually large or long content."""

import dataclasses
import datetime as dt
import itertools
import json
import math
import random
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from runs import metrics, submission
from runs.files import artifacts
from runs.metrics.batches import MAX_POINTS
from runs.models import Experiment, Run, RunEvent
from runs.seeding.contents import log_text, make_curve, make_scalars
from runs.seeding.full_run import finish_run, log_images, make_full_run
from studio.errors import Conflict
from workspaces.models import Workspace

Status = Run.Status
MARK = "seeded"
TARGET = "cpu-cluster"
# Runs stored by one transaction: quick, and short enough for a studio that runs meanwhile.
BATCH = 50
MODELS, OPTIMIZERS = ["mlp", "cnn", "boosted-trees", "linear"], ["adam", "sgd", "rmsprop"]
LONG_NAME = "a-name-of-two-hundred-characters-" + "that-goes-on-" * 12 + "until-here."
EMOJI = "🚀 größer, 更大 – “best so far” 🎉"
TIMED_OUT, TIME_LIMIT = "TimedOut", dt.timedelta(minutes=20)
# Code, message and details, as the runner and the studio report them.
REASONS = [
    ("UserError", "The script ended with exit code 1.", "ModuleNotFoundError: No module named 'torch'"),
    ("UserError", "The script ended with exit code 1.", "ValueError: Input contains NaN."),
    ("UserError", "The script was ended by the signal SIGKILL (often because the machine ran out of memory).", ""),
    (TIMED_OUT, f"The script ran longer than the allowed {TIME_LIMIT.total_seconds() / 60:.0f} minutes.", ""),
    ("NodeLost", "Node cpu-cluster-2 was lost: its runner sent no heartbeat for 60 seconds.", ""),
    ("EnvironmentError", "The environment could not be built.", "No solution found: numpy==9.9 does not exist."),
]


@dataclasses.dataclass(frozen=True)
class Sizes:
    runs: int = 1200
    children: int = 40
    metrics: int = 500
    points: int = 200_000
    images: int = 40


def seed_workspace(actor: Actor, workspace: Workspace, sizes: Sizes, *, again: bool = False) -> list[Experiment]:
    """Make the three experiments; a Conflict if the workspace has such ones and `again` is not given."""
    times = workspace.experiments.filter(**{f"tags__{MARK}__isnull": False}).values("tags").distinct().count()
    if times and not again:
        raise Conflict(f"The workspace {workspace.name} is seeded already. Write --again for three experiments more.")

    def experiment(name: str, description: str) -> Experiment:
        name = f"{name}-{times + 1}" if times else name
        found = submission.get_or_create_experiment(actor, workspace, name)
        found.edit(description=description, tags={MARK: str(times + 1)})
        return found

    sweep = experiment("learning-rate-sweep", "A sweep: one parent, and a child for each learning rate.")
    unusual = experiment("unusual-sizes", "Long names, emoji, very many metrics and a very long one.")
    digits = experiment("digits-mlp", "Handwritten digits, trained repeatedly.")
    seed_sweep(actor, sweep, sizes.children)
    seed_unusual(actor, unusual, sizes)
    others = sweep.runs.count() + unusual.runs.count()
    seed_many(actor, digits, max(0, sizes.runs - others))
    return [digits, sweep, unusual]


def seed_many(actor: Actor, experiment: Experiment, total: int) -> None:
    """Ended runs of the last weeks, the newest three with something on every tab."""
    full = [Status.CANCELED, Status.FAILED, Status.COMPLETED][: min(3, total)]
    numbers = iter(range(total - len(full), 0, -1))
    while batch := list(itertools.islice(numbers, BATCH)):
        with transaction.atomic():
            for number in batch:
                add_past_run(actor, experiment, number)
    for status in full:
        full_run = make_full_run(experiment, actor.user, target_name=TARGET, heartbeat_at=timezone.now())
        finish_run(full_run, status, minutes=12)


def add_past_run(actor: Actor, experiment: Experiment, number: int, *, points: int = 30) -> Run:
    """The run that ended `number` half hours ago."""
    noise = random.Random(number)
    begun = timezone.now() - dt.timedelta(minutes=30 * number + noise.randrange(20))
    started, ended = begun + dt.timedelta(seconds=4), begun + dt.timedelta(seconds=noise.randrange(20, 1800))
    status = noise.choices([Status.COMPLETED, Status.FAILED, Status.CANCELED], [80, 14, 6])[0]
    rate, hidden = 10 ** noise.uniform(-4, -1), noise.choice([16, 32, 64, 128])
    tags = {"model": noise.choice(MODELS), "seed": str(number)}
    error = _reason(noise) if status == Status.FAILED else {}
    if error.get("code") == TIMED_OUT:
        ended = started + TIME_LIMIT
    # Stored as it ended: going through its states would give it the times of today.
    times = {"created_at": begun, "started_at": started, "ended_at": ended}
    run = _create(
        actor, experiment, None, f"{tags['model']}-{number}", tags,
        status=status, error=error, node_name=f"{TARGET}-{number % 2 + 1}", **times,
    )  # fmt: skip
    _add_events(run)
    run.add_parameters(
        {"learning_rate": f"{rate:.2g}", "hidden": str(hidden), "optimizer": noise.choice(OPTIMIZERS), "epochs": str(points)}
    )  # fmt: skip
    metrics.store_batch(run, "", list(_training(rate, points, number)))
    return run


def _create(actor: Actor, experiment: Experiment, parent: Run | None, title: str, tags: dict, **fields) -> Run:
    name = submission.make_run_name(experiment.name)
    # The studio ends a script run that has neither work nor a heartbeat, and may do so while it is still being filled.
    alive = {"run_type": submission.SCRIPT_RUN, "target_name": TARGET, "heartbeat_at": timezone.now()}
    fields = {"display_name": title, **alive, **fields}
    return submission.create_run(actor, experiment, name, parent, tags=tags, **fields)


def _reason(noise: random.Random) -> dict:
    code, message, details = noise.choice(REASONS)
    trace = f'Traceback (most recent call last):\n  File "train.py", line 3\n{details}'
    return {"code": code, "message": message, "details": [{"code": "Traceback", "message": trace}] if details else []}


def _add_events(run: Run) -> None:
    """In place of the one event of its creation, which has the time of today."""
    run.events.all().delete()
    moments: list[tuple[str, Any]] = [
        (Status.NOT_STARTED, run.created_at),
        (Status.RUNNING, run.started_at),
        (run.status, run.ended_at),
    ]
    message = run.error.get("message", "")
    RunEvent.objects.bulk_create(
        RunEvent(run=run, status=status, at=at, message=message if status == run.status else "")
        for status, at in moments
    )


def _training(rate: float, points: int, number: int) -> Iterator[dict]:
    """Curves that learn best at a rate of 0.003."""
    quality = math.exp(-((math.log10(rate) + 2.5) ** 2))
    loss = [0.1 + (1 - quality) / 2 + value for value in make_curve(points, number)]
    for name, values in {
        "loss": loss,
        "validation loss": [value * 1.15 for value in loss],
        "accuracy": [max(0.0, 1 - value / 2) for value in loss],
    }.items():
        yield from make_scalars(name, values)


def seed_sweep(actor: Actor, experiment: Experiment, children: int) -> None:
    parent = _create(
        actor, experiment, None, "sweep of learning rates", {"model": "mlp"}, run_type="azureml.HyperDrive"
    )
    parent.add_parameters({"children": str(children)})
    with transaction.atomic():
        for number in range(1, children + 1):
            rate = 10 ** (-4 + 3 * number / max(children, 1))
            child = _create(actor, experiment, parent, f"rate {rate:.2g}", {"trial": str(number)})
            child.add_parameters({"learning_rate": f"{rate:.2g}", "hidden": "64"})
            metrics.store_batch(child, "", list(_training(rate, 60, number)))
            finish_run(child, Status.FAILED if number % 13 == 0 else Status.COMPLETED, minutes=children - number + 1)
    finish_run(parent, Status.COMPLETED, minutes=3 * children)


def seed_unusual(actor: Actor, experiment: Experiment, sizes: Sizes) -> None:
    long = _create(actor, experiment, None, LONG_NAME, {"name" * 50: "value " * 200})
    long.add_parameters({"p" * 200: "v" * 200, "command": "python train.py " + "--option " * 90})
    metrics.store_batch(long, "", make_scalars("m" * 200, make_curve(20, 1)))
    emoji = _create(actor, experiment, None, EMOJI, {"Stimmung 😀": "🎉🎉🎉", "語言": "中文"})
    metrics.store_batch(emoji, "", make_scalars("précision 🎯", make_curve(20, 2)))
    artifacts.store_artifact(emoji, "outputs/été – 結果 📈.json", iter([json.dumps({"🎯": 0.97}).encode()]))
    wide = _create(actor, experiment, None, f"{sizes.metrics} metrics", {})
    names = [f"layer {number // 10}/weight {number % 10}" for number in range(sizes.metrics)]
    metrics.store_batch(
        wide, "", [point for n, name in enumerate(names) for point in make_scalars(name, make_curve(20, n))]
    )
    deep = _create(actor, experiment, None, f"{sizes.points:,} points", {})
    _log_long_metric(deep, sizes.points)
    images = _create(actor, experiment, None, f"{sizes.images} images", {})
    log_images(images, range(sizes.images))
    artifacts.store_artifact(images, "user_logs/std_log.txt", iter([log_text(20_000)]))
    for run in (long, emoji, wide, deep, images):
        finish_run(run, Status.COMPLETED, minutes=7)
    # As a notebook's run, which sends no heartbeat.
    of_notebook = {"run_type": "", "target_name": "", "heartbeat_at": None}
    running = _create(actor, experiment, None, "one that is still running", {}, **of_notebook)
    running.start()
    metrics.store_batch(running, "", make_scalars("loss", make_curve(30, 3)))


def _log_long_metric(run: Run, points: int) -> None:
    values = make_curve(points, run.pk)
    for start in range(0, points, MAX_POINTS):
        metrics.store_batch(run, "", make_scalars("loss", values[start : start + MAX_POINTS], start))
