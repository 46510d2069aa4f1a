"""The signature of what the studio posts to webhooks."""

import hashlib
import hmac
import time

SIGNATURE = "X-Lazuli-Signature"


def sign_post(body: bytes, secret: str) -> dict[str, str]:
    """`t=<Unix time>,v1=<HMAC-SHA256 of the time, a point and the body>`, as a header."""
    moment = str(int(time.time()))
    digest = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {SIGNATURE: f"t={moment},v1={digest}"}
