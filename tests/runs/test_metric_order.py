"""What matters first, by the names of metrics alone."""

import pytest

from runs.metric_order import better_direction, is_objective, sort_metrics


@pytest.mark.parametrize(
    "name",
    ["loss", "val_loss", "trainLoss", "RMSE", "test/mae", "log-error", "eval.wer", "train_time", "score_loss", "mse2"],
)
def test_of_losses_errors_and_durations_less_is_better(name):
    assert better_direction(name) == "lower"


@pytest.mark.parametrize("name", ["accuracy", "f1", "maestro_score", "auc", "val_acc", "r2", "top5", "mean reward"])
def test_of_shares_and_scores_more_is_better(name):
    assert better_direction(name) == "higher"


@pytest.mark.parametrize("name", ["timely", "wave", "lr", "epoch", "gpu memory", "weights/mean", "count", "steps"])
def test_what_no_list_knows_has_no_direction(name):
    assert better_direction(name) == ""


def test_a_schedule_is_last_however_it_is_written():
    schedules = [
        "learning rate",
        "Learning-Rate",
        "learning.rate",
        "learningRate",
        "lr-Adam",
        "base_lr0",
        "weight decay",
    ]
    assert sort_metrics(dict.fromkeys([*schedules, "wave"], 1))[0] == "wave"


def test_the_objective_comes_first_and_the_system_last():
    names = [
        "epoch",
        "lr",
        "train_time",
        "wave",
        "mae",
        "loss",
        "f1",
        "auc",
        "accuracy",
        "val_loss",
        "test_accuracy",
        "val_x",
    ]
    ordered = sort_metrics(dict.fromkeys(names, 9))
    assert ordered == [
        *["test_accuracy", "val_loss", "val_x"],
        *["accuracy", "auc", "f1", "loss", "mae"],
        *["wave", "train_time", "epoch", "lr"],
    ]  # fmt: skip
    assert [name for name in ordered if is_objective(name)] == ordered[:8]


def test_the_primary_metric_precedes_all_and_a_rare_one_follows_those_that_all_have():
    counts = {"val_loss": 200, "wave": 150, "test_accuracy": 3, "epoch": 200}
    assert sort_metrics(counts) == ["val_loss", "wave", "epoch", "test_accuracy"]
    assert sort_metrics(counts, primary="wave")[0] == "wave"
    assert sort_metrics({}) == []


def test_validation_that_is_slow_is_no_objective():
    assert not is_objective("val_time") and not is_objective("test_steps_epoch")
