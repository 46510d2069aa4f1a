"""Which address a request comes from, for what is limited per address."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

# Whoever has an address of IPv6 has 2^64 of them.
PREFIX = 64


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
        if not _is_trusted(address):
            break
    return address_or_network(address)


def address_or_network(address) -> str:
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, PREFIX), strict=False))


def _parsed(word: str):
    """An address as proxies write it: bare, or with a port."""
    word = word.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
