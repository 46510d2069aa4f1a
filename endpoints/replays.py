"""Send recorded requests again to a candidate, and compare answers and latencies before it gets any traffic."""

import dataclasses
import math
import time
from typing import Any

from django.db import transaction

from accounts import activity
from accounts.models import User
from endpoints import calls, request_log, rules
from endpoints.calls import EndpointAnswer
from endpoints.models import Endpoint, ServiceRequest
from endpoints.replay_models import Replay
from studio.errors import Conflict, Invalid, NotReady
from studio.request_body import load_json

# So many of an endpoint are stored.
KEPT = 20
# One turn of the worker; the next one continues.
TURN_SECONDS = 10.0
# Characters of an answer that are stored.
MAX_ANSWER = 2000
# Numbers that differ by less are the same.
TOLERANCE = 1e-6
# After so many requests without an answer one after the other, the rest is not sent.
MAX_SILENCE = 3


def start_replay(endpoint: Endpoint, candidate: Endpoint, count: int, user: User) -> Replay:
    """Queue the newest `count` recorded requests of an endpoint or version for a candidate."""
    rules.REPLAY_COUNT.check(count)
    if candidate.pk == endpoint.pk:
        raise Invalid(f"{candidate.name} answered these requests itself: choose another version.", target="candidate")
    if candidate.current is None:
        raise Conflict(f"{candidate.name} does not answer yet: wait until its state is Healthy.")
    if Replay.objects.filter(endpoint=endpoint, state__in=Replay.OPEN).exists():
        raise Conflict(f"A replay of {endpoint.name} is still running: wait until it has ended.")
    keys = list(request_log.list_data(endpoint).exclude(body="").values_list("pk", flat=True)[:count])
    if not keys:
        raise Conflict(
            f"{endpoint.name} has no recorded requests: choose Collect data first, and wait until some have arrived."
        )
    with transaction.atomic():
        fields = {"candidate": candidate, "candidate_name": candidate.name, "keys": keys, "created_by": user}
        replay = Replay.objects.create(endpoint=endpoint, **fields)
        old = endpoint.replays.values_list("pk", flat=True)[KEPT:]
        Replay.objects.filter(pk__in=list(old)).delete()
        changes = {"replay": ["", f"{len(keys)} requests against {candidate.name}"]}
        activity.record("endpoint.edit", endpoint, scope=endpoint.workspace, changes=changes)
    return replay


def run_replays() -> None:
    """One turn of each open replay."""
    seen: set[int] = set()
    while replay := Replay.claim(seen):
        seen.add(replay.pk)
        _send_some(replay)


def _send_some(replay: Replay) -> None:
    candidate = Endpoint.objects.with_state().filter(pk=replay.candidate_id).first()
    if candidate is None:
        replay.end(Replay.State.FAILED, f"{replay.candidate_name} was deleted.")
        return
    end, results = time.monotonic() + TURN_SECONDS, list(replay.results)
    for key in replay.keys[len(results) :]:
        results.append(_send_one(candidate, key))
        if all("problem" in one for one in results[-MAX_SILENCE:]) and len(results) >= MAX_SILENCE:
            replay.results = results
            Replay.objects.filter(pk=replay.pk).update(results=results)
            replay.end(Replay.State.FAILED, f"{candidate.name} does not answer: {results[-1]['problem']}")
            return
        if time.monotonic() > end:
            break
    Replay.objects.filter(pk=replay.pk, state=Replay.State.RUNNING).update(results=results, held_until=None)
    if len(results) >= len(replay.keys):
        replay.end(Replay.State.COMPLETED)


def _send_one(candidate: Endpoint, key: int) -> dict[str, Any]:
    row = ServiceRequest.objects.filter(pk=key).first()
    if row is None or not row.body:
        return {"key": key, "gone": True}
    result = {"key": key, "requestId": row.request_id, "status": row.status, "milliseconds": row.milliseconds}
    result["answer"] = row.answer[:MAX_ANSWER]
    try:
        answer = calls.send_test(candidate, row.body)
    except NotReady as error:
        return {**result, "problem": error.message}
    return {**result, **_describe_answer(row, answer)}


def _describe_answer(row: ServiceRequest, answer: EndpointAnswer) -> dict[str, Any]:
    difference = find_difference(row.answer, answer.text)
    return {
        "newStatus": answer.status,
        "newMilliseconds": answer.milliseconds,
        "newAnswer": answer.text[:MAX_ANSWER],
        "same": answer.status == row.status and difference == 0,
        "difference": difference,
    }


def find_difference(first: str, second: str) -> float | None:
    """The largest difference of two numbers at the same place of two JSON texts; None if they differ otherwise."""
    try:
        return _compare(load_json(first, "answer"), load_json(second, "answer"))
    except Invalid:
        return 0.0 if first == second else None


def _compare(first: Any, second: Any) -> float | None:
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return _find_largest([_compare(*pair) for pair in zip(first, second, strict=True)])
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return _find_largest([_compare(first[name], second[name]) for name in first])
    if _is_number(first) and _is_number(second):
        return 0.0 if math.isclose(first, second, rel_tol=TOLERANCE) else abs(first - second)
    return 0.0 if first == second and type(first) is type(second) else None


def _find_largest(found: list[float | None]) -> float | None:
    return None if None in found else max((one for one in found if one is not None), default=0.0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclasses.dataclass(frozen=True)
class ReplaySummary:
    sent: int
    same: int
    different: int
    # Answered with 400 and above, or not at all, where the recorded answer was better.
    failed: int
    largest_difference: float
    # Medians and p95 in milliseconds, of the recorded answers and of the candidate's.
    p50: float | None
    p95: float | None
    new_p50: float | None
    new_p95: float | None


def summarize(replay: Replay) -> ReplaySummary:
    sent = [one for one in replay.results if "gone" not in one]
    answered = [one for one in sent if "problem" not in one]
    old, new = ([one[name] for one in answered] for name in ("milliseconds", "newMilliseconds"))
    failed = [one for one in sent if "problem" in one or (one["newStatus"] >= 400 > one["status"])]
    return ReplaySummary(
        sent=len(sent),
        same=sum(one["same"] for one in answered),
        different=sum(not one["same"] for one in answered),
        failed=len(failed),
        largest_difference=max((one["difference"] or 0.0 for one in answered), default=0.0),
        p50=_find_quantile(old, 0.5),
        p95=_find_quantile(old, 0.95),
        new_p50=_find_quantile(new, 0.5),
        new_p95=_find_quantile(new, 0.95),
    )


def _find_quantile(values: list[float], share: float) -> float | None:
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else None
