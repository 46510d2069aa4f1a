"""The page docs/serving_speed.md of what bench/serving.py has measured."""

import dataclasses

SCRIPT, ALONE = "the studio, entry script", "the studio's scoring server alone"
UVICORN, FLASK, MLFLOW = "uvicorn, bare ASGI", "gunicorn, Flask", "mlflow models serve"
NO_CODE = "the studio, MLflow model"
SERVERS = [SCRIPT, ALONE, UVICORN, FLASK, "BentoML", NO_CODE, MLFLOW]


@dataclasses.dataclass
class Target:
    what: str
    # From the figures of all servers; None if something was not measured.
    measured: float | None
    limit: float
    unit: str
    reason: str = ""
    more_is_better: bool = False

    @property
    def is_reached(self) -> bool:
        assert self.measured is not None
        return self.measured >= self.limit if self.more_is_better else self.measured <= self.limit


def write(sitting, machine: str, versions: str) -> str:
    targets = [target for target in find_targets(sitting) if target.measured is not None]
    missed = [target for target in targets if not target.is_reached]
    reasons = "\n".join(f"- *{target.what}*: {target.reason}" for target in missed)
    return f"""# Speed of endpoints

Measured by `make bench-serving`, which rewrites this page: a scaler and a logistic regression of scikit-learn, with requests of two rows
of eight numbers, behind the studio and other servers with one worker each, measured alternating in one session. {versions}.
Machine: {machine}; the client and everything else run on it too. Processor time depends least on other programs.

{table(sitting)}

Requests per second and processor time are those of {sitting.connections} connections that send as fast as they are answered; the latencies are those of
{sitting.paced} requests a second. The processor time of *{SCRIPT}* and *{NO_CODE}* is that of the whole studio. Memory is that of the model's
processes (PSS), without the [warm parents](endpoints.md#how-a-replica-starts) with which they share packages, and, of other servers, of all their processes.
The start is until the first answer.

## Targets

{judge(targets)}

{"## What misses its target" if missed else "All targets are reached."}

{reasons}
"""


def table(sitting) -> str:
    lines = ["| server | requests/s | processor time (µs) | p50 (ms) | p99 (ms) | memory (MB) | start (s) |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for name in SERVERS:
        values = [sitting.value(name, key) for key in ("rate", "cpu", "p50", "p99", "memory", "start")]
        lines.append("| " + " | ".join([name, *(show(value) for value in values)]) + " |")
    return "\n".join(lines)


def judge(targets: list[Target]) -> str:
    lines = ["| what | measured | target | reached |", "|---|--:|--:|---|"]
    for target in targets:
        sign, reached = "≥" if target.more_is_better else "≤", "yes" if target.is_reached else "**no**"
        lines.append(
            f"| {target.what} | {show(target.measured)} {target.unit} | {sign} {target.limit:g} {target.unit} | {reached} |"
        )
    return "\n".join(lines)


def show(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3g}"


def find_targets(sitting) -> list[Target]:
    def of(name, key):
        return sitting.value(name, key)

    def compare(operation, key, first, second):
        ours, theirs = of(first, key), of(second, key)
        return None if ours is None or theirs is None else operation(ours, theirs)

    def ratio(key, first, second):
        return compare(lambda one, other: one / other, key, first, second)

    def difference(key, first, second):
        return compare(lambda one, other: one - other, key, first, second)

    calls = sum(sitting.found.get(SCRIPT, {}).get("called", []))
    return [
        Target("first deployment until healthy", of(SCRIPT, "cold"), 3, "s", STARTS),
        Target("a further deployment in the same environment", of(SCRIPT, "warm"), 0.5, "s", WAY),
        Target("an `init()` that fails, until its traceback", of(SCRIPT, "broken"), 3, "s", STARTS),
        Target("p50 through the studio, more than alone", difference("p50", SCRIPT, ALONE), 0.5, "ms", GATEWAY),
        Target("p99 through the studio, more than alone", difference("p99", SCRIPT, ALONE), 2, "ms", GATEWAY),
        Target("requests/s, to gunicorn with Flask", ratio("rate", SCRIPT, FLASK), 1.5, "×", GATEWAY, True),
        Target("requests/s, to the scoring server alone", ratio("rate", SCRIPT, ALONE), 0.8, "×", GATEWAY, True),
        Target("requests/s of the MLflow model, to MLflow", ratio("rate", NO_CODE, MLFLOW), 3, "×", PYFUNC, True),
        Target(f"failed of {calls:,.0f} requests during updates", of(SCRIPT, "failed"), 0, "", ""),
        Target("memory of a further replica", of(SCRIPT, "replica"), 25, "MB", OWN),
        Target("first request without a replica, beside a warm parent", of(SCRIPT, "wake"), 0.3, "s", WAY),
    ]


STARTS = (
    "a start waits for a node to take the work, and for Python to import scikit-learn, 1.2 to 2 s of processor time."
)
WAY = "a replica that is forked from a warm parent still waits for its node to take the work and to report its state."
OWN = "a replica has its own pages for what it changes, and for packages that the warm parent does not import."
GATEWAY = (
    "a request passes the gateway, a second process on the same cores, beside the client; its processor time is the "
    "difference of the first two rows."
)
PYFUNC = "most of the time of both is MLflow's own: it makes a data frame of the input, checks the signature and calls the model."
