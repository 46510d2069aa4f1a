"""Request and response classes of the routes for signing in."""

from typing import Annotated, Any, Self

from django.urls import reverse

from accounts import models
from accounts.rules import CLIENT_NAME
from studio.public_url import public_url
from studio.request_body import Body
from studio.schemas import Shape

# Seconds between two polls of a waiting terminal.
INTERVAL = 2


class DeviceCodeRequest(Body):
    clientName: Annotated[str, CLIENT_NAME] = "a terminal"


class DeviceCode(Shape):
    deviceCode: str
    userCode: str
    verificationUrl: str
    expiresIn: int
    interval: int

    @classmethod
    def of(cls, row: models.DeviceLogin, secret: str, seconds: int) -> Self:
        """The answer for a new row; its secret is not stored."""
        return cls(
            deviceCode=secret,
            userCode=row.user_code,
            verificationUrl=public_url(f"{reverse('accounts:device')}?code={row.user_code}"),
            expiresIn=seconds,
            interval=INTERVAL,
        )


class DeviceTokenRequest(Body):
    deviceCode: str


class TokenOwner(Shape):
    name: str
    username: str

    @classmethod
    def of(cls, row: models.User, **more: Any) -> Self:
        """`more` are the fields that a subclass adds."""
        return cls(name=row.label, username=row.username, **more)


class DeviceToken(Shape):
    token: str
    user: TokenOwner


class TokenHolder(TokenOwner):
    runId: str | None
