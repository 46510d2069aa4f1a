"""Which address a request comes from, for what is limited per address."""

from django.conf import settings
from django.http import HttpRequest

from studio import networks


def client_address(request: HttpRequest) -> str:
    """The client's address; of IPv6 the network /64.

    `X-Forwarded-For` counts only as far as proxies that we trust have written it: each adds at the right end whom it talks
    to, and what stands further left anybody may have sent.
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
    """An address as proxies write it: bare, or with a port."""
    word = word.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    return networks.parse_address(word)
