"""The token route of service principals, as Microsoft Entra has it: OAuth 2.0 client credentials, in version 1 and 2.

    POST /<tenant>/oauth2/v2.0/token     grant_type=client_credentials&client_id=…&client_secret=…&scope=…
    POST /<tenant>/oauth2/token          the same with resource=…

There is one tenant; any name for it is accepted. Errors have Entra's format and numbers, which its libraries read.
"""

import base64
import datetime as dt
import time
import uuid

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import activity, principals, sign_in_limits
from accounts.activity import Activity
from accounts.actors import Actor
from studio.public_url import public_url


def refuse_token(status: int, error: str, number: int, text: str) -> JsonResponse:
    return JsonResponse(
        {
            "error": error,
            "error_description": f"AADSTS{number}: {text}",
            "error_codes": [number],
            "timestamp": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%SZ}",
            "trace_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
        },
        status=status,
    )


@login_not_required
@csrf_exempt
@never_cache
@sensitive_post_parameters("client_secret")
@require_POST
def issue_token(request: HttpRequest, tenant: str, version: int) -> JsonResponse:
    client_id, text = _credentials(request)
    grant = request.POST.get("grant_type", "")
    if grant != "client_credentials":
        return refuse_token(
            400, "unsupported_grant_type", 70003, f"grant_type={grant[:50]!r}: write client_credentials."
        )
    if not (client_id and text):
        return refuse_token(401, "invalid_client", 7000216, "Send 'client_id' and 'client_secret'.")
    if sign_in_limits.refusal_reason(request, client_id):
        return refuse_token(429, "temporarily_unavailable", 50196, "Too many wrong secrets. Wait an hour.")
    attempt = sign_in_limits.record_attempt(request, client_id[:150])
    secret, is_known = principals.check_secret(client_id, text)
    if secret is None:
        _record(client_id, None)
        if not is_known:
            return refuse_token(400, "unauthorized_client", 700016, f"There is no application {client_id[:50]!r} here.")
        return refuse_token(401, "invalid_client", 7000215, "The client secret is wrong, has expired or was revoked.")
    attempt.delete()
    _record(client_id, secret)
    return JsonResponse(_answer(request, principals.make_token(secret), version))


def _credentials(request: HttpRequest) -> tuple[str, str]:
    """Client id and secret from the form, or from basic authentication."""
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    try:
        name, _, text = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, text


@transaction.atomic
def _record(client_id: str, secret: principals.PrincipalSecret | None) -> None:
    if secret is None:
        message, outcome = "wrong client id or secret", Activity.Outcome.FAILED
        activity.record("session.begin", None, label=client_id[:150], message=message, outcome=outcome)
        return
    principal = secret.principal
    activity.record("session.begin", principal, actor=Actor(principal.user), message=f"by the secret {secret}")


def _answer(request: HttpRequest, token: str, version: int) -> dict:
    seconds = principals.TOKEN_SECONDS - 1
    if version == 2:
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
    now = int(time.time())
    # Version 1 has numbers as texts.
    return {
        "token_type": "Bearer",
        "expires_in": str(seconds),
        "ext_expires_in": str(seconds),
        "expires_on": str(now + seconds),
        "not_before": str(now),
        "resource": request.POST.get("resource", ""),
        "access_token": token,
    }


@login_not_required
@require_safe
def openid_configuration(request: HttpRequest, tenant: str) -> JsonResponse:
    """The document with the URL of the token route."""
    root = public_url(f"/{tenant}")
    return JsonResponse(
        {
            "issuer": f"{root}/v2.0",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
            "scopes_supported": [],
        }
    )
