"""Host names of applications: `<label>.localhost` on a single machine, a wildcard of another domain for a team.

Applications never have the studio's own host, so that their scripts cannot use its cookies.
"""

import dataclasses
import re
from urllib.parse import urlsplit

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Requests to services, at the studio's own host: `/api/v1/service/WORKSPACE/NAME/score`.
SERVICE = re.compile(
    r"/api/v1/service/([a-z0-9][a-z0-9_-]*)/([a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)?)(/[A-Za-z0-9._/-]*)?(?:\?.*)?"
)
SERVICE_LINE = re.compile(rb"[A-Z]{1,20} /api/v1/service/")
# Connections that agents of other machines offer (studio/gateway/streams.py).
STREAM_LINE = re.compile(rb"GET /nodes/v1/streams HTTP/1\.1\r\n")
HOST_HEADER = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Applications:
    scheme: str
    # What follows the label: `.localhost`.
    suffix: str
    port: int | None

    @classmethod
    def parse(cls, address: str) -> "Applications":
        """Raises ValueError."""
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname or ""
        if not host.startswith("*.") or parts.path.strip("/") or parts.query or parts.scheme not in ("http", "https"):
            raise ValueError("write an address whose host begins with *., such as https://*.apps.example.org")
        return cls(parts.scheme, host[1:].lower(), port)

    @property
    def is_https(self) -> bool:
        return self.scheme == "https"

    def origin_of(self, label: str) -> str:
        usual = 443 if self.is_https else 80
        port = "" if self.port in (None, usual) else f":{self.port}"
        return f"{self.scheme}://{label}{self.suffix}{port}"

    def label_of(self, host: str) -> str:
        """The label of a Host header; empty if it is not that of an application."""
        name = host.strip().lower().partition(":")[0]
        label = name.removesuffix(self.suffix)
        return label if label != name and LABEL.fullmatch(label) else ""

    def is_call(self, received: bytes | bytearray) -> bool:
        """Whether a request, whose head has arrived, is for a service."""
        return bool(SERVICE_LINE.match(received)) and not self._find_label(received)

    def _find_label(self, received: bytes | bytearray) -> str:
        found = HOST_HEADER.search(received, 0, received.find(b"\r\n\r\n") + 2)
        return self.label_of(found[1].decode("latin-1")) if found else ""

    def is_meant_by(self, received: bytes | bytearray) -> bool:
        """Whether a request, whose head has arrived, is for an application, or offers a connection to a machine."""
        return bool(SERVICE_LINE.match(received) or self._find_label(received) or STREAM_LINE.match(received))
