"""The order of metrics by importance, and which direction is better, for columns, charts, comparison and CSV."""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from studio.names import natural_key


@dataclasses.dataclass(frozen=True)
class MetricKind:
    """Metrics whose name contains one of `parts`, or one of `words` as a whole word."""

    name: str
    # "higher" or "lower" is better; empty if the name does not say.
    better: str
    parts: tuple[str, ...]
    words: frozenset[str]
    why: str


def _kind(name: str, better: str, parts: str, words: str, why: str) -> MetricKind:
    return MetricKind(name, better, tuple(parts.split()), frozenset(words.split()), why)


# Objectives. The first match counts, and metrics are sorted in this order.
OBJECTIVES = [
    _kind("accuracy", "higher", "accuracy", "acc top1 top5", "read as a share of cases, the same for every model"),
    _kind(
        "auc", "higher", "", "auc auroc auprc ap map roc iou miou dice",
        "a share too, and independent of a threshold or the size of an object",
    ),
    _kind(
        "f1", "higher", "score reward precision recall", "f1 fbeta r2 kappa mcc bleu rouge psnr ssim ndcg",
        "made for one task: they compare runs of that task alone",
    ),
    _kind(
        "loss", "lower", "loss perplexity", "nll bce ppl kl kld hinge huber elbo",
        "what training minimizes: its scale depends on the loss that was chosen",
    ),
    _kind(
        "error", "lower", "error deviance residual regret",
        "err rmse rmsle mse msle mae mape smape medae wer cer fid brier ece eer hamming aic bic",
        "its unit is the target's: comparable within one data set",
    ),
]  # fmt: skip
# System metrics and settings: useful if a run is slow or diverges, not to choose between runs.
SYSTEM = [
    _kind(
        "duration", "lower", "latency duration", "time seconds secs sec ms minutes elapsed eta",
        "says how a run went, not how good its model is",
    ),
    _kind(
        "machine", "", "memory learning_rate learningrate weight_decay weightdecay",
        "lr epoch epochs step steps iteration iterations mem ram rss vram gpu cpu disk network throughput system wd momentum",
        "a schedule or a use of the machine: no direction is better",
    ),
]  # fmt: skip
# Words for data that the model was not trained on, whose metrics are better objectives than the same on training data.
HELD_OUT = frozenset(["val", "valid", "validation", "test", "eval", "evaluation", "dev", "holdout"])
SEPARATORS = re.compile(r"[\W_]+")
WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*")
# A metric that fewer runs have than this share comes after the others.
RARE = 0.1


def _words(name: str) -> set[str]:
    found = {word.lower() for word in WORD.findall(name)}
    return found | {word.rstrip("0123456789") for word in found}


def _find_kind(kinds: list[MetricKind], name: str) -> int | None:
    """The kind of a metric."""
    lowered, words = SEPARATORS.sub("_", name.lower()), _words(name)
    for index, kind in enumerate(kinds):
        if any(part in lowered for part in kind.parts) or not kind.words.isdisjoint(words):
            return index
    return None


def better_direction(name: str) -> str:
    """Whether `higher` or `lower` is better; empty if the name does not tell."""
    # "train_error" is an error, whatever else the name contains: kinds for which lower is better are checked first.
    for kinds in (sorted(OBJECTIVES, key=lambda kind: kind.better != "lower"), SYSTEM):
        index = _find_kind(kinds, name)
        if index is not None:
            return kinds[index].better
    return ""


def rank_metric(name: str) -> tuple[int, int]:
    """The sort key: held-out objectives, other objectives, unknown metrics, system metrics."""
    objective = _find_kind(OBJECTIVES, name)
    if objective is None and (system := _find_kind(SYSTEM, name)) is not None:
        return 3, system
    if not HELD_OUT.isdisjoint(_words(name)):
        return 0, len(OBJECTIVES) if objective is None else objective
    return (2, 0) if objective is None else (1, objective)


def is_objective(name: str) -> bool:
    return rank_metric(name)[0] < 2


def is_varying(values: Iterable[str | None]) -> bool:
    """Whether a parameter varies: the jobs that have it differ. One that some lack and that is the same for the others does
    not."""
    return len(set(values) - {None}) > 1


@dataclasses.dataclass(frozen=True)
class Objective:
    """The metric by which runs are judged, and whether `higher` or `lower` is better; without a name if none is chosen."""

    name: str = ""
    better: str = ""

    def direction(self, name: str) -> str:
        """The better direction of a metric, `higher` or `lower`; empty if neither is."""
        return self.better if name == self.name else better_direction(name)


NO_OBJECTIVE = Objective()


def sort_metrics(counts: Mapping[str, int], primary: str = "") -> list[str]:
    """Sorts metrics: the primary metric first, then by rank, then by the number of runs that have them."""
    max_count = max(counts.values(), default=0)
    return sorted(
        counts,
        key=lambda name: (
            name != primary,
            counts[name] < RARE * max_count,
            rank_metric(name),
            -counts[name],
            natural_key(name),
        ),
    )
