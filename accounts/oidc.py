"""The protocol with an OpenID Connect provider, by django-allauth: authorization code with PKCE, state and nonce.

Imported at the first use (accounts/oidc_views.py), because the HTTP library takes 5 MB of each process.
"""

import secrets

import jwt
import requests
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter

from accounts.identity_providers import IdentityProvider
from studio.errors import Denied, Invalid, NotReady

# None of these uses the client's secret as a key.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# The clocks of both sides may differ by this much.
LEEWAY_SECONDS = 60


class Provider(OpenIDConnectProvider):
    def __init__(self, request, row: IdentityProvider):
        self.row = row
        options = {"server_url": row.discovery_url, "oauth_pkce_enabled": True, "scope": row.scopes.split()}
        app = SocialApp(provider="openid_connect", provider_id=row.slug, name=row.name, settings=options)
        app.client_id, app.secret = row.client_id, row.secret
        super().__init__(request, app=app)

    def get_oauth2_adapter(self, request):
        return OidcAdapter(request, self.row)


class OidcAdapter(OpenIDConnectOAuth2Adapter):
    def __init__(self, request, row: IdentityProvider):
        self.row = row
        super().__init__(request, row.slug)

    def get_provider(self):
        return Provider(self.request, self.row)

    def get_callback_url(self, request, app):
        return self.row.redirect_url

    def read_claims(self, answer: dict, nonce: str) -> dict:
        """The claims of the signed token, with those that only the provider's user information has."""
        claims = self.verify(answer["id_token"])
        if claims.get("nonce") != nonce:
            raise OAuth2Error("the token belongs to another sign-in (nonce)")
        if self.openid_config.get("userinfo_endpoint"):
            more = self._fetch_user_info(answer["access_token"])
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        return claims

    def verify(self, token: str, require: tuple[str, ...] = ("exp", "iat", "sub", "aud", "iss")) -> dict:
        if not self.row.is_issuer(self.openid_config["issuer"]):
            raise OAuth2Error(f"its discovery document names another issuer, {self.openid_config['issuer']!r}")
        keys = jwt.PyJWKSet.from_dict(_fetch(self.openid_config["jwks_uri"])).keys
        wanted = jwt.get_unverified_header(token).get("kid")
        fitting = [key for key in keys if key.key_id == wanted] or (keys if wanted is None and len(keys) == 1 else [])
        if not fitting:
            raise OAuth2Error(f"the provider has no key {wanted!r}")
        return jwt.decode(
            token,
            fitting[0],
            algorithms=ALGORITHMS,
            audience=self.row.client_id,
            issuer=self.openid_config["issuer"],
            leeway=LEEWAY_SECONDS,
            options={"require": list(require)},
        )


def _fetch(url: str) -> dict:
    answer = requests.get(url, timeout=5, allow_redirects=False)
    answer.raise_for_status()
    return answer.json()


def begin_sign_in(request, row: IdentityProvider, process: str, **state):
    """The redirect to the provider. `process` and `state` come back from `finish`."""
    nonce = secrets.token_urlsafe(24)
    try:
        # The provider asks for confirmation, even if the person is signed in there.
        again = {"prompt": "login", "max_age": "0"} if process == "confirm" else {}
        return Provider(request, row).redirect(
            request, process, auth_params={"nonce": nonce, **again}, nonce=nonce, **state
        )
    except (requests.RequestException, KeyError, ValueError) as error:
        raise NotReady(f"{row} does not answer. Try again, or sign in another way.") from error


def finish_sign_in(request, row: IdentityProvider) -> tuple[dict, dict]:
    """Return the claims and the state of `begin_sign_in`."""
    adapter, query = OidcAdapter(request, row), request.GET
    state = statekit.unstash_state(request, provider_id=row.slug, state_id=query.get("state", ""))
    if state is None:
        raise Invalid("This sign-in was started in another browser, or more than ten minutes ago. Start again.")
    if "error" in query or "code" not in query:
        why = query.get("error_description") or query.get("error") or "no code"
        raise Denied(f"{row} did not sign you in: {why[:200]}.")
    try:
        app = adapter.get_provider().app
        client = adapter.get_client(request, app)
        verifier = state.get("pkce_code_verifier")
        answer = adapter.get_access_token_data(request, app, client, pkce_code_verifier=verifier)
        return adapter.read_claims(answer, state["nonce"]), state
    except requests.RequestException as error:
        raise NotReady(f"{row} does not answer. Try again, or sign in another way.") from error
    except (OAuth2Error, jwt.PyJWTError, KeyError, ValueError) as error:
        raise Denied(f"The response of {row} is not valid: {str(error)[:200]}.") from error


def read_logout(request, row: IdentityProvider, token: str) -> str:
    """The subject whose sessions a logout token of the back channel ends."""
    try:
        claims = OidcAdapter(request, row).verify(token, ("iat", "sub", "aud", "iss", "events"))
    except (requests.RequestException, OAuth2Error, jwt.PyJWTError, KeyError, ValueError) as error:
        raise Invalid(f"This logout token is not valid: {str(error)[:200]}.") from error
    # Many providers name no type; a token with another one serves another purpose.
    kind = str(jwt.get_unverified_header(token).get("typ") or "JWT").lower().removeprefix("application/")
    if LOGOUT_EVENT not in claims["events"] or "nonce" in claims or kind not in ("jwt", "logout+jwt"):
        raise Invalid("This is not a logout token.")
    return claims["sub"]


def check_connection(row: IdentityProvider) -> list[tuple[bool, str, str]]:
    """Check each step: whether it succeeded, its name, and the finding or what to do."""
    try:
        config = _fetch(row.discovery_url)
    except (requests.RequestException, ValueError) as error:
        return [(False, "discovery", f"{row.discovery_url}: {_reason(error)}. Correct the issuer.")]
    found = [(True, "discovery", row.discovery_url)]
    issuer = config.get("issuer", "")
    same = row.is_issuer(issuer)
    found.append((same, "issuer", issuer if same else f"The provider names the issuer {issuer!r}: enter that."))
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        found.append((bool(config.get(name)), name, config.get(name) or "is missing in the discovery"))
    found.append(_check_keys(config.get("jwks_uri", "")))
    lacking = set(row.scopes.split()) - set(config.get("scopes_supported") or row.scopes.split())
    text = f"The discovery document of the provider lacks: {', '.join(sorted(lacking))}" if lacking else row.scopes
    return [*found, (not lacking, "scopes", text), (True, "redirect address to register", row.redirect_url)]


def _check_keys(url: str) -> tuple[bool, str, str]:
    try:
        keys = jwt.PyJWKSet.from_dict(_fetch(url)).keys
    except (requests.RequestException, ValueError, jwt.PyJWTError) as error:
        return False, "keys", f"{url}: {_reason(error)}"
    return True, "keys", f"{len(keys)}, {', '.join(sorted({key.algorithm_name for key in keys}))}"


def _reason(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    if isinstance(error, requests.Timeout):
        return "does not answer within 5 seconds"
    return str(error)[:200]
