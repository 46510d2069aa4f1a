"""The address of the client, for limits per address."""

from django.conf import settings
from django.http import HttpRequest

from studio import networks


def client_address(request: HttpRequest) -> str:
    """The client's address; for IPv6 the /64 network.

    `X-Forwarded-For` counts only as far as trusted proxies have written it: each appends the address it talks to, and
    everything to the left of that may be forged.
    """
    addresses = [request.META.get("REMOTE_ADDR", "")]
    addresses += reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(","))
    address = None
    for word in addresses:
        found = _parsed(word)
        if found is None:
            break
        address = found
        if not networks.is_in(address, settings.TRUSTED_PROXIES):
            break
    return networks.client_network(address) if address else "unknown"


def _parsed(word: str) -> networks.Address | None:
    """An address as proxies write it, with or without a port."""
    word = word.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    return networks.parse_address(word)
