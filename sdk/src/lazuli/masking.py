"""Hide secrets in logs and errors: the run's token, values with names of secrets, passwords in URLs.

A mask is as long as the secret, so that the offsets in a log stay the same. It prevents accidents, not intent:
a script can print a secret backwards.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Iterable, List, Mapping, Optional, Set
from urllib.parse import quote

# Names of variables whose values are secrets. A number, a version or the name of a stage may stand behind.
_NAMED = re.compile(
    r"(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIALS?|CREDS|CONN(?:ECTION)?_?STR(?:ING)?|DSN|JWT|COOKIE|"
    r"WEBHOOK(?:_URL)?|AUTHORIZATION|(?:^|_)(?:SAS|PASS|PAT|AUTH)|_PWD)"
    r"(?:_?V?\d+|_(?:PROD|DEV|TEST|STAGING|PRIMARY|SECONDARY|OLD|NEW|VALUE|B64|BASE64))?$",
    re.IGNORECASE,
)
# Shorter values would hide half of a log.
MIN_SECRET_LENGTH = 4
# In the query of an address: the signature of a shared link, a token, a password.
_PARAMETERS = (
    rb"(?i:(?:x-amz-|x-goog-)?sig(?:nature)?|(?:x-amz-|x-goog-)?(?:\w+[_-])?token|passw(?:or)?d|pwd|secret|client[_-]secret|"
    rb"(?:api|access|subscription|account)[_-]?key|auth)"
)
# In a connection string, behind a semicolon.
_PARTS = rb"(?i:(?:account|sharedaccess|access|secret)key|sharedaccesssignature|password|pwd)"
_URL_SECRET = (
    rb"(?<=://)[^\s/'\"<>?#]+(?=@)"
    # A password that is not encoded as it should be; no port. Its length is bounded, and so is the search.
    rb"|(?<=://)[^\s/'\"<>?#@:]{0,100}:(?!\d*[/?#])[^\s'\"<>@]{1,200}(?=@)"
)
_TOKENS = (
    # A personal token, a run's token.
    rb"\blz_[\w-]{8,}|\brun\.\.?[\w-]{10,}:[\w-]{4,}:[\w-]{20,}"
    # Those of others: GitHub, GitLab, Hugging Face, Databricks, and signed ones of JSON.
    rb"|\bgh[opsu]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bhf_\w{16,}|\bdapi[0-9a-f]{30,}"
    rb"|(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"
)
# The group is what stays in front of the secret.
_NAMED_VALUES = (
    rb"([?&]" + _PARAMETERS + rb"=)[^\s&'\"<>#]+"
    rb"|(;\s?" + _PARTS + rb"=)[^\s;'\"<>]+"
    rb"|((?i:\bauthorization['\"]?\s?[:=]\s?['\"]?(?:basic|bearer|token))\s)[^\s,;'\"<>]{12,}"
)
_PATTERN = re.compile(_URL_SECRET + b"|" + _TOKENS + b"|" + _NAMED_VALUES, re.ASCII)
# The beginning of one of these at the end of the data.
_BEGUN = re.compile(
    rb"(?::/?|://[^\s'\"<>]*|\b[lrghde][\w.:-]*"
    rb"|[?&](?:[\w-]{0,24}|" + _PARAMETERS + rb"=[^\s&'\"<>#]*)"
    rb"|;\s?(?:\w{0,24}|" + _PARTS + rb"=[^\s;'\"<>]*)"
    rb"|(?i:\ba[a-z]{0,12}['\"]?\s?(?:[:=]\s?['\"]?(?:[a-z]{0,6}(?:\s[^\s,;'\"<>]*)?)?)?))\Z",
    re.ASCII,
)
# No address and no token is longer.
MAX_SECRET_BYTES = 4096
# The secrets that this process has read from a key vault.
FETCHED: Set[str] = set()
# Names the file to which the script's processes add what they have read, a JSON text a line.
FETCHED_VARIABLE = "LAZULI_FETCHED_SECRETS"


class Masker:
    """Replaces `secrets`, tokens of the studio and passwords in addresses by stars.

    `fetched` is a file of further secrets, which grows while the script runs.
    """

    def __init__(self, secrets: Iterable[str] = (), fetched: Optional[str] = None):
        self.secrets = list(secrets)
        self._fetched, self._read_bytes = fetched, 0
        self._set_secrets(self.secrets)

    def _set_secrets(self, secrets: List[str]) -> None:
        lines = {line.strip() for secret in secrets for line in secret.splitlines()}
        # Variables hold any bytes; those that are not UTF-8 are surrogates here.
        known = {line.encode("utf-8", "surrogateescape") for line in lines if len(line) >= MIN_SECRET_LENGTH}
        written = {quote(secret, safe=safe).encode() for secret in known for safe in ("", "/")}
        # In JSON, and as Python shows a text: with backslashes before quotes and backslashes.
        written |= {
            secret.replace(b"\\", b"\\\\").replace(mark, b"\\" + mark) for secret in known for mark in (b'"', b"'")
        }
        # The longest first, because one secret may begin with another.
        self._known: List[bytes] = sorted(known | written, key=len, reverse=True)
        self._patterns = [re.compile(b"|".join(map(re.escape, self._known)))] if self._known else []
        self._patterns.append(_PATTERN)

    @classmethod
    def for_variables(
        cls, variables: Mapping[str, str], token: Optional[str] = None, fetched: Optional[str] = None
    ) -> Masker:
        """A masker for a run's token and the values of environment variables with names of secrets."""
        named = [str(value) for name, value in variables.items() if _NAMED.search(name)]
        return cls([*named, token or ""], fetched)

    def _read_fetched(self) -> None:
        """A script adds a secret before it can print it, so what is in the file now is enough for what is in the log now."""
        try:
            if not self._fetched or os.path.getsize(self._fetched) == self._read_bytes:
                return
            with open(self._fetched, "rb") as file:
                data = file.read()
        except OSError:
            # It is made when the first secret is read.
            return
        # The rest of an incomplete line is read at the next check, before the script continues.
        complete = data[: data.rfind(b"\n") + 1]
        self._read_bytes = len(complete)
        self._set_secrets([*self.secrets, *(json.loads(line) for line in complete.splitlines())])

    def mask_bytes(self, data: bytes) -> bytes:
        self._read_fetched()
        for pattern in self._patterns:
            data = pattern.sub(_to_stars, data)
        return data

    def count_maskable(self, data: bytes) -> int:
        """The number of bytes that can be masked now; the rest may be the start of an incomplete secret."""
        self._read_fetched()
        tail = data[-MAX_SECRET_BYTES:]
        begun = _BEGUN.search(tail)
        cut = begun.start() if begun else len(tail)
        for secret in self._known:
            for length in range(min(len(secret) - 1, len(tail)), 0, -1):
                if tail.endswith(secret[:length]):
                    cut = min(cut, len(tail) - length)
                    break
        # The last letters of a secret can be the beginning of another one: never cut through it.
        spans = [match.span() for pattern in self._patterns for match in pattern.finditer(tail)]
        for start, end in sorted(spans, reverse=True):
            if start < cut < end:
                cut = start
        return len(data) - len(tail) + cut

    def mask_text(self, text: str) -> str:
        return self.mask_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def mask_json(self, value: Any) -> Any:
        """A JSON value with every text in it masked, but not the keys."""
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, dict):
            return {key: self.mask_json(item) for key, item in value.items()}
        return [self.mask_json(item) for item in value] if isinstance(value, list) else value


def _to_stars(match: "re.Match[bytes]") -> bytes:
    prefix = match.group(match.lastindex) if match.lastindex else b""
    return prefix + b"*" * (len(match.group()) - len(prefix))


def masker_of_process() -> Masker:
    masker = Masker.for_variables(os.environ)
    return Masker([*masker.secrets, *FETCHED]) if FETCHED else masker
