"""Keys of nodes, hosts and attempts: signatures of their names, which can be verified without being stored."""

import uuid

from django.core import signing

from compute.models import Host, Node, Work


def node_key(node: Node) -> str:
    return _key("node", node.name)


def host_key(host: Host) -> str:
    return _key("host", str(host.uid))


def node_by_key(key: str) -> Node | None:
    """The existing node with this key."""
    name = _name("node", key)
    return (
        Node.objects.present().select_related("target__workspace", "host").filter(name=name).first() if name else None
    )


def host_by_key(key: str) -> Host | None:
    uid = _name("host", key)
    return Host.objects.filter(uid=uid).first() if uid else None


def gateway_key() -> str:
    """The key of the studio's own gateway."""
    return _key("gateway", "studio")


def is_gateway_key(key: str) -> bool:
    return _name("gateway", key) == "studio"


def work_key(work: Work) -> str:
    """The key of one attempt."""
    return _key("work", f"{work.pk}:{work.attempt}")


def work_by_key(key: str) -> tuple[uuid.UUID, int] | None:
    """The id of the work and the attempt; the lease decides whether that attempt still has the work."""
    name = _name("work", key)
    if not name:
        return None
    work, _, attempt = name.partition(":")
    return uuid.UUID(work), int(attempt)


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
