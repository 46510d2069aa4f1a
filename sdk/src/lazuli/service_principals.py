"""The token of a service principal, by its client id and secret."""

from __future__ import annotations

from typing import Tuple
from urllib.parse import urlencode

from lazuli.client import Client, quote_segment
from lazuli.errors import AuthenticationException

# Before its end a token is replaced, so that none ends between two requests.
EARLY_SECONDS = 300.0
# Entra's word for a client id that it does not know.
UNKNOWN = "unauthorized_client"
PERSONAL = "lz_"


def get_token(url: str, tenant: str, client_id: str, secret: str) -> Tuple[str, float]:
    """The token, and the seconds for which it may be used. Raises AuthenticationException."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
        "scope": f"{url}/.default",
    }
    answer = Client(url).request(
        "POST",
        f"/{quote_segment(tenant or 'common')}/oauth2/v2.0/token",
        content=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        ok=(200, 400, 401, 429),
        repeatable=True,
    )
    body = answer.json()
    if answer.status_code == 200:
        return body["access_token"], max(0.0, float(body["expires_in"]) - EARLY_SECONDS)
    if body.get("error") == UNKNOWN and secret.startswith(PERSONAL):
        # A personal token in the place of the secret, from before there were service principals.
        return secret, EARLY_SECONDS
    raise AuthenticationException(str(body.get("error_description") or "The service principal was refused."))
