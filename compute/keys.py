"""Keys of nodes and hosts: signatures of their names, which can be verified without being stored."""

from django.core import signing

from compute.models import Host, Node


def node_key(node: Node) -> str:
    return _key("node", node.name)


def host_key(host: Host) -> str:
    return _key("host", host.name)


def node_by_key(key: str) -> Node | None:
    """The present node with this key."""
    name = _name("node", key)
    return Node.objects.present().select_related("target__workspace").filter(name=name).first() if name else None


def host_by_key(key: str) -> Host | None:
    name = _name("host", key)
    return Host.objects.filter(name=name).first() if name else None


def gateway_key() -> str:
    """Of the studio's own gateway."""
    return _key("gateway", "studio")


def is_gateway_key(key: str) -> bool:
    return _name("gateway", key) == "studio"


def _key(kind: str, name: str) -> str:
    return f"{kind}.{signing.Signer(salt=f'{kind}-key').sign(name)}"


def _name(kind: str, key: str) -> str | None:
    prefix, _, signed = key.partition(".")
    if prefix != kind:
        return None
    try:
        return signing.Signer(salt=f"{kind}-key").unsign(signed)
    except signing.BadSignature:
        return None
