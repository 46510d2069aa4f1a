"""Request and response classes of compute instances, with Azure's names."""

from typing import Annotated, Any, Self

from django.conf import settings

from accounts.models import User
from compute import models
from compute.instances.rules import IDLE_MINUTES
from compute.instances.schedule_resources import describe_schedules
from compute.rules import VM_SIZE
from studio import numbers
from studio.errors import Invalid
from studio.formats import parse_iso_duration
from studio.request_body import Body
from studio.rules import Rule
from studio.schemas import Shape


def check_idle_time(value) -> int:
    """Minutes of an ISO 8601 duration such as PT30M."""
    seconds = parse_iso_duration(value) if isinstance(value, str) else None
    if seconds is None:
        raise Invalid(f"The idle time {str(value)[:60]!r} is not a duration such as PT30M.", target=IDLE_MINUTES.target)
    return IDLE_MINUTES.check(int(seconds // 60))


IDLE_TIME = Rule(check_idle_time, IDLE_MINUTES.target, {"type": "string", "description": "A duration such as PT30M."})


class ComputeInstanceApplication(Shape):
    displayName: str
    endpointUri: str


class ComputeInstanceUser(Shape):
    userId: str
    userName: str
    userOrgId: str

    @classmethod
    def of(cls, user: User | None) -> Self:
        return cls(userId=str(user.pk) if user else "", userName=user.label if user else "", userOrgId="")


class ComputeInstanceLastOperation(Shape):
    operationName: str
    operationTime: str
    operationStatus: str
    operationTrigger: str

    @classmethod
    def of(cls, row: models.ComputeInstance) -> Self:
        status = "InProgress" if row.is_changing else "Failed" if row.state == row.State.CREATE_FAILED else "Succeeded"
        return cls(
            operationName=row.operation,
            operationTime=row.operation_at.isoformat(),
            operationStatus=status,
            operationTrigger=row.operation_trigger,
        )


class AssignedUser(Body):
    objectId: str
    tenantId: str | None = None


class PersonalComputeInstanceSettings(Body):
    assignedUser: AssignedUser | None = None


class ComputeInstanceProperties(Shape):
    vmSize: str
    state: str
    applications: list[ComputeInstanceApplication]
    createdBy: ComputeInstanceUser
    personalComputeInstanceSettings: dict[str, Any]
    lastOperation: ComputeInstanceLastOperation
    idleTimeBeforeShutdown: str | None
    schedules: dict[str, Any]
    applicationSharingPolicy: str
    sshSettings: dict[str, Any]
    connectivityEndpoints: dict[str, Any]
    subnet: dict[str, Any] | None
    errors: list[dict[str, Any]]

    @classmethod
    def of(cls, row: models.ComputeInstance) -> Self:
        person = row.assigned_to
        assigned = {"assignedUser": {"objectId": str(person.pk), "tenantId": ""}} if person else {}
        reason = [{"error": {"code": "InstanceProblem", "message": row.reason}}] if row.reason else []
        return cls(
            vmSize=row.target.vm_size,
            state=row.state,
            applications=list_applications(row),
            createdBy=ComputeInstanceUser.of(row.target.created_by),
            personalComputeInstanceSettings=assigned,
            lastOperation=ComputeInstanceLastOperation.of(row),
            idleTimeBeforeShutdown=None if row.idle_minutes is None else f"PT{row.idle_minutes}M",
            schedules=describe_schedules(row),
            applicationSharingPolicy="Personal",
            sshSettings={"sshPublicAccess": "Disabled", "adminUserName": "azureuser", "sshPort": None},
            connectivityEndpoints={"publicIpAddress": None, "privateIpAddress": None},
            subnet=None,
            errors=reason,
        )


def list_applications(row: models.ComputeInstance) -> list[ComputeInstanceApplication]:
    """The URLs of the applications; people who are not signed in there are redirected to the studio first."""
    if settings.APPLICATIONS is None or not row.label:
        return []
    origin = settings.APPLICATIONS.origin_of(row.label)
    named = [("Jupyter", "/tree"), ("Jupyter Lab", "/lab")]
    return [ComputeInstanceApplication(displayName=name, endpointUri=f"{origin}{path}") for name, path in named]


class IdleShutdownSetting(Body):
    idleTimeBeforeShutdown: Annotated[Any, IDLE_TIME] | None = None


class Resize(Body):
    targetVMSize: Annotated[str, VM_SIZE]


def find_assigned_user(object_id: str) -> User:
    """The account with this number from a response, or with this name."""
    people = User.objects.filter(is_active=True)
    key = numbers.int_or_none(object_id)
    found = people.filter(username=object_id[:150]).first() if key is None else people.filter(pk=key).first()
    if found is None:
        raise Invalid(f"There is no account {object_id[:150]!r}.", target="assignedUser")
    return found
