"""Request and response classes of notifications."""

from typing import Annotated, Any, Self

import pydantic

from notices import rules
from notices.models import Event
from studio.formats import utc_time
from studio.public_url import public_url
from studio.request_body import Body
from studio.schemas import Shape


class NotificationResource(Shape):
    id: int
    event: str
    title: str
    detail: str
    url: str
    time: str
    isRead: bool
    data: dict[str, Any] = pydantic.Field(description="The subject of a change of a model.")

    @classmethod
    def of(cls, row) -> Self:
        return cls(
            id=row.pk,
            event=row.event,
            title=row.title,
            detail=row.detail,
            url=public_url(row.path) if row.path else "",
            time=utc_time(row.at),
            isRead=row.read_at is not None,
            data=row.data,
        )


class PreferenceResource(Shape):
    event: str
    label: str
    channels: list[str] = pydantic.Field(description="Of `bell`, `email`, `digest`, `webhook`.")

    @classmethod
    def of(cls, event: Event, chosen: set[tuple[str, str]]) -> Self:
        channels = [channel.value for channel in rules.Channel if (event, channel) in chosen]
        return cls(event=event.value, label=event.label, channels=channels)


class PreferenceUpdate(Body):
    channels: list[Annotated[str, rules.CHANNEL]] = pydantic.Field(description="They replace the chosen ones.")


class WebhookResource(Shape):
    url: str
    format: str
    secret: str = pydantic.Field(description="The key of the signature; empty without a webhook.")

    @classmethod
    def of(cls, hook) -> Self:
        if hook is None:
            return cls(url="", format=rules.WebhookFormat.JSON, secret="")
        return cls(url=hook.url, format=hook.format, secret=hook.secret)


class WebhookUpdate(Body):
    # An empty address deletes the webhook.
    url: str
    format: Annotated[str, rules.WEBHOOK_FORMAT] = rules.WebhookFormat.JSON
