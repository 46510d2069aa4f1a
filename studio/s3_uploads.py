"""Abort incomplete multipart uploads to S3: a bucket keeps their parts, does not list them, and bills them.

The storage library cannot list them, so these two requests are signed here (Signature Version 4). They need keys in the
environment; if the machine has its permission by a role, use a lifecycle rule of the bucket instead
(docs/operations.md).
"""

import dataclasses
import datetime as dt
import hashlib
import hmac
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The target of requests, and the keys that sign them."""

    url: str  # The bucket's URL, without a slash at its end.
    region: str
    key_id: str
    secret: str = dataclasses.field(repr=False)
    session: str = dataclasses.field(default="", repr=False)

    @classmethod
    def from_environment(cls, name: str, env: Mapping[str, str] = os.environ) -> "Bucket | None":
        """The bucket by the variables that the storage library reads; None without keys."""
        key_id, secret = env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", "")
        if not key_id or not secret:
            return None
        region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = env.get("AWS_ENDPOINT") or env.get("AWS_ENDPOINT_URL") or ""
        url = f"{endpoint.rstrip('/')}/{name}" if endpoint else f"https://{name}.s3.{region}.amazonaws.com"
        return cls(url, region, key_id, secret, env.get("AWS_SESSION_TOKEN", ""))

    def send(self, method: str, key: str, query: dict[str, str]) -> bytes:
        url = f"{self.url}/{quote(key)}"
        words = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
        headers = self.sign(method, url, words, dt.datetime.now(dt.UTC))
        request = urllib.request.Request(f"{url}?{words}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.read()

    def sign(self, method: str, url: str, query: str, now: dt.datetime) -> dict[str, str]:
        """The headers of a request without a body."""
        parts, stamp = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
        signed = {"host": parts.netloc, "x-amz-content-sha256": EMPTY, "x-amz-date": stamp}
        if self.session:
            signed["x-amz-security-token"] = self.session
        lines = [f"{name}:{value}" for name, value in sorted(signed.items())]
        names = ";".join(sorted(signed))
        canonical = "\n".join([method, parts.path or "/", query, *lines, "", names, EMPTY])
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        authorization = f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope},SignedHeaders={names},Signature={signature}"
        return {name: value for name, value in signed.items() if name != "host"} | {"Authorization": authorization}


def abort_old(bucket: Bucket | None, prefix: str, before: float) -> int:
    """Abort the uploads below a prefix that were begun before this moment (seconds since 1970); returns how many."""
    if bucket is None:
        return 0
    try:
        # A thousand at most; the rest are found by the next round.
        found = ElementTree.fromstring(bucket.send("GET", "", {"uploads": "", "prefix": prefix}))
        old = [upload for upload in found.iter() if _local_name(upload) == "Upload" and _start_time(upload) < before]
        for upload in old:
            bucket.send("DELETE", _child_text(upload, "Key"), {"uploadId": _child_text(upload, "UploadId")})
    except (OSError, ElementTree.ParseError, ValueError) as error:
        logger.warning("Unfinished uploads of the bucket could not be listed or aborted: %s", error)
        return 0
    return len(old)


def _local_name(element: ElementTree.Element) -> str:
    """Without its namespace, which not all services write."""
    return element.tag.rpartition("}")[2]


def _child_text(upload: ElementTree.Element, name: str) -> str:
    return next((part.text or "" for part in upload if _local_name(part) == name), "")


def _start_time(upload: ElementTree.Element) -> float:
    return dt.datetime.fromisoformat(_child_text(upload, "Initiated")).timestamp()
