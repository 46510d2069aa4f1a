"""Which way a metric gets better, guessed from its name."""

import re

# Anywhere in the name, and as a whole word of it.
LOWER_PARTS = ("loss", "error", "perplexity", "deviance", "residual", "latency", "regret")
LOWER_WORDS = {
    "err", "rmse", "rmsle", "mse", "msle", "mae", "mape", "smape", "medae", "nll", "bce", "ppl", "wer", "cer", "fid", "kl",
    "kld", "brier", "ece", "eer", "hamming", "hinge", "huber", "time", "seconds", "secs", "duration", "aic", "bic",
}  # fmt: skip
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def lower_is_better(name: str) -> bool:
    lowered = name.lower()
    if any(part in lowered for part in LOWER_PARTS):
        return True
    return not LOWER_WORDS.isdisjoint(word.lower() for word in WORD.findall(name))
