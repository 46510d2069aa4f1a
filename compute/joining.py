"""The commands that people run on a machine to join it as a host of nodes."""

from django.conf import settings

from studio import hosts


def list_commands(secret: str, name: str = "") -> list[str]:
    """The commands to run on the machine, in order."""
    named = f" --name {name}" if name else ""
    return [
        f"pip install --index-url {settings.PUBLIC_URL}/pypi/simple/ 'lazuli-sdk[agent]'",
        f"lazuli host join {settings.PUBLIC_URL} {secret}{named}",
    ]


def find_problem() -> str:
    """Why other machines cannot reach this studio according to its settings; otherwise empty."""
    if hosts.is_loopback(settings.PUBLIC_HOST):
        return (
            f"Other machines cannot reach {settings.PUBLIC_URL}. Set HOST to the address on which the studio listens, "
            "PUBLIC_URL to the URL by which other machines reach it, and start the studio again."
        )
    return ""
