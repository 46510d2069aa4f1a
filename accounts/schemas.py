"""What the API answers of people and their tokens."""

from studio.schemas import Shape


class DeviceCode(Shape):
    deviceCode: str
    userCode: str
    verificationUrl: str
    expiresIn: int
    interval: int


class Person(Shape):
    name: str
    username: str


class DeviceToken(Shape):
    token: str
    user: Person


class TokenHolder(Person):
    runId: str | None
