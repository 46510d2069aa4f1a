"""Request and response classes of the key vault, in the format of Azure's secrets."""

from typing import Annotated, Self

from studio.formats import utc_time
from studio.request_body import Body
from studio.schemas import Shape
from workspaces.vault import models, rules


class SecretAttributes(Shape):
    enabled: bool
    created: str
    updated: str
    createdBy: str | None
    version: str
    forRuns: bool


class SecretItem(Shape):
    """A secret without its value."""

    id: str
    name: str
    contentType: str
    attributes: SecretAttributes

    @classmethod
    def of(cls, row: models.SecretVersion, **more) -> Self:
        """`more` are the fields of a subclass."""
        secret = row.secret
        made_by = row.created_by.username if row.created_by else None
        return cls(
            id=f"{secret.arm_id}/{row.version}",
            name=secret.name,
            contentType=row.content_type,
            attributes=SecretAttributes(
                enabled=True,
                created=utc_time(secret.created_at),
                updated=utc_time(row.created_at),
                createdBy=made_by,
                version=row.version,
                forRuns=secret.for_runs,
            ),
            **more,
        )


class SecretBundle(SecretItem):
    value: str


class SecretAttributesUpdate(Body):
    forRuns: bool | None = None


class SecretUpdate(Body):
    value: Annotated[str, rules.SECRET_VALUE]
    contentType: Annotated[str, rules.CONTENT_TYPE] = ""
    attributes: SecretAttributesUpdate = SecretAttributesUpdate()
