"""Signed, short-lived URLs of files, for clients that send no token."""

import datetime as dt
from urllib.parse import urlencode

from django.core import signing

from runs.models import Run
from studio.public_url import public_url

SALT = "run-file"
LIFE = dt.timedelta(hours=1)


def sign_url(run: Run, path: str, run_url: str) -> str:
    """`run_url` is the URL of the run in the API."""
    subject = _subject(run, path)
    query = urlencode({"path": path, "sig": _signer().sign(subject).removeprefix(f"{subject}:")})
    return public_url(f"{run_url}/artifacts/content?{query}")


def is_signed(run: Run, path: str, signature: str) -> bool:
    try:
        _signer().unsign(f"{_subject(run, path)}:{signature}", max_age=LIFE)
    except signing.BadSignature:
        return False
    return True


def _subject(run: Run, path: str) -> str:
    return f"{run.pk}:{path}"


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=SALT)
