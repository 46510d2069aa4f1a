"""Alerts of a service, and the guard of its traffic, over REST."""

from typing import Annotated, Self

import pydantic
from django.http import HttpRequest
from ninja import Path, Router

from endpoints import alerts, rules, traffic_guards
from endpoints.api import find_endpoint
from endpoints.models import Endpoint, TrafficGuard
from studio.formats import utc_time
from studio.request_body import Body, Whole
from studio.schemas import Shape
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["services"])


class ServiceAlerts(Body):
    """The limits; null is no alert."""

    p95: Annotated[Whole, rules.LATENCY_LIMIT] | None = pydantic.Field(
        default=None, description="Latency in milliseconds, of the last five minutes."
    )
    failures: Annotated[Whole, rules.FAILURE_LIMIT] | None = pydantic.Field(
        default=None, description="Percent of the requests of the last five minutes."
    )
    quiet: Annotated[Whole, rules.QUIET_LIMIT] | None = pydantic.Field(
        default=None, description="Minutes without a request."
    )


class ServiceAlertsState(Shape):
    p95: int | None
    failures: int | None
    quiet: int | None
    raised: dict[str, str] = pydantic.Field(description="Since when limits are exceeded, by their names.")

    @classmethod
    def of(cls, row: Endpoint) -> Self:
        found = {one.kind: one for one in row.alerts.all()}
        limits = {kind: found[kind].limit if kind in found else None for kind in ("p95", "failures", "quiet")}
        raised = {kind: utc_time(one.raised_at) for kind, one in found.items() if one.raised_at}
        return cls(**limits, raised=raised)


class ServiceGuard(Body):
    """How much worse than the others a version with more traffic may be; without limits there is no guard."""

    failures: Annotated[Whole, rules.GUARD_FAILURES] | None = pydantic.Field(
        default=None, description="Points of percent of its requests."
    )
    p95: Annotated[Whole, rules.GUARD_P95] | None = pydantic.Field(
        default=None, description="Percent of the latency p95."
    )
    requests: Annotated[Whole, rules.GUARD_REQUESTS] = pydantic.Field(
        default=50, description="A version is judged from so many requests on."
    )


class ServiceGuardState(Shape):
    failures: int | None
    p95: int | None
    requests: int
    watched: list[str] = pydantic.Field(description="The versions that got more traffic and are watched now.")
    since: str | None
    before: dict[str, int] = pydantic.Field(description="The traffic that comes back if one of them is worse.")

    @classmethod
    def of(cls, row: TrafficGuard | None) -> Self:
        one = row or TrafficGuard()
        return cls(
            failures=one.failures,
            p95=one.p95,
            requests=one.requests,
            watched=one.watched,
            since=utc_time(one.since),
            before=one.before,
        )


@router.get("/services/{name}/alerts", response=ServiceAlertsState, summary="Get the alerts of a service")
def alerts_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return ServiceAlertsState.of(find_endpoint(find_workspace(request, workspace_path), name))


@router.put("/services/{name}/alerts", response=ServiceAlertsState, summary="Set the alerts of a service")
def alerts_change(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: ServiceAlerts):
    endpoint = find_endpoint(find_workspace(request, workspace_path, "edit"), name)
    alerts.change_alerts(endpoint, body.model_dump())
    return ServiceAlertsState.of(endpoint)


@router.get("/services/{name}/guard", response=ServiceGuardState, summary="Get the guard of a service's traffic")
def guard_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    endpoint = find_endpoint(find_workspace(request, workspace_path), name)
    return ServiceGuardState.of(TrafficGuard.objects.filter(endpoint=endpoint).first())


@router.put("/services/{name}/guard", response=ServiceGuardState, summary="Set the guard of a service's traffic")
def guard_change(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: ServiceGuard):
    endpoint = find_endpoint(find_workspace(request, workspace_path, "edit"), name)
    return ServiceGuardState.of(traffic_guards.change_guard(endpoint, body.failures, body.p95, body.requests))
