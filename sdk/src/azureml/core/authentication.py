"""The authentication classes of SDK v1. Each of them sends a token of the studio."""

from __future__ import annotations

import base64
import json
import os
import time
from collections import namedtuple
from datetime import datetime
from enum import Enum
from typing import Any, Callable, Dict, Optional, Tuple, Union

from lazuli import config, login, service_principals

from azureml import _absent
from azureml._unused import warn_of_unused
from azureml.exceptions import AuthenticationException, UserErrorException

AccessToken = namedtuple("AccessToken", ["token", "expires_on"])

# Tokens of the studio do not state when they expire; callers of `get_token` expect a number.
_ASSUMED_LIFETIME_SECONDS = 3600


class Audience(Enum):
    """The purpose of a token. One token of the studio serves all of them."""

    ARM = "ARM"
    AZUREML = "AZUREML"


class AbstractAuthentication:
    """The base class: subclasses implement `_token_for`, which returns the token."""

    def __init__(self, cloud: Optional[str] = None):
        self._cloud = cloud or "AzureCloud"
        self._url: Optional[str] = None

    def get_authentication_header(self) -> Dict[str, str]:
        return {"Authorization": "Bearer " + self._token_for(self._server_url())}

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        token = self._token_for(self._server_url())
        return AccessToken(token, _expiry_of(token) or int(time.time()) + _ASSUMED_LIFETIME_SECONDS)

    def signed_session(self, session: Any = None) -> Any:
        """A session of `requests` (or what was given) that sends the token with every request."""
        if session is None:
            import requests  # optional: only this method needs it

            session = requests.Session()
        session.headers.update(self.get_authentication_header())
        return session

    def _server_url(self) -> str:
        return self._url or config.server_url()

    def _bind_server(self, url: str) -> None:
        """Remember the server of the workspace that uses this authentication."""
        self._url = self._url or url

    def _token_for(self, url: str) -> str:
        raise NotImplementedError(f"{type(self).__name__} must implement _token_for.")


class InteractiveLoginAuthentication(AbstractAuthentication):
    """`LAZULI_TOKEN` or the saved login; if there is none, a code to confirm in the browser.

    `force=True` prompts again even if there is a saved login.
    """

    def __init__(self, force: bool = False, tenant_id: Optional[str] = None, cloud: Optional[str] = None):
        super().__init__(cloud)
        self._tenant_id = tenant_id
        self._force = force

    def _token_for(self, url: str) -> str:
        if self._force:
            login.sign_in(url)
            self._force = False
        return login.get_token(url)


class AzureCliAuthentication(AbstractAuthentication):
    """The login saved by `lazuli login` (or `az login` of the extra); never prompts."""

    def __init__(self, cloud: Optional[str] = None):
        super().__init__(cloud)

    def _token_for(self, url: str) -> str:
        return login.get_token(url, interactive=False)


class MsiAuthentication(AbstractAuthentication):
    """The identity of the machine or run: the run's own token, or `LAZULI_TOKEN`."""

    def __init__(self, cloud: Optional[str] = None, **kwargs: Any):
        warn_of_unused("MsiAuthentication", **kwargs)
        super().__init__(cloud)

    def _token_for(self, url: str) -> str:
        token = os.environ.get("AZUREML_RUN_TOKEN") or config.token_for(url)
        if not token:
            raise AuthenticationException("This machine has no identity: set AZUREML_RUN_TOKEN or LAZULI_TOKEN.")
        return token


class ServicePrincipalAuthentication(AbstractAuthentication):
    """For scripts that run unattended: the client id and a secret of a service principal.

    A personal token is also accepted as the password; then the other two are ignored.
    """

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ):
        super().__init__(cloud)
        if not service_principal_password:
            raise UserErrorException("service_principal_password is empty; pass a secret of the service principal.")
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id
        self._service_principal_password = service_principal_password
        self._enable_caching = _enable_caching
        # Maps the server to the token, and to the time to get another one.
        self._tokens: Dict[str, Tuple[str, float]] = {}

    def _token_for(self, url: str) -> str:
        token, until = self._tokens.get(url, ("", 0.0))
        if time.monotonic() >= until:
            token, seconds = service_principals.get_token(
                url, self._tenant_id, self._service_principal_id, self._service_principal_password
            )
            if self._enable_caching:
                self._tokens[url] = (token, time.monotonic() + seconds)
        return token


class ArmTokenAuthentication(AbstractAuthentication):
    """A token that the caller has already."""

    def __init__(self, arm_access_token: str, cloud: str = "None"):
        super().__init__(cloud)
        self.update_arm_access_token(arm_access_token)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        if not new_arm_access_token:
            raise UserErrorException("The token is empty.")
        self._arm_access_token = new_arm_access_token

    def _token_for(self, url: str) -> str:
        return self._arm_access_token


class TokenAuthentication(AbstractAuthentication):
    """A function that returns a token for an audience; it is called before each request."""

    def __init__(self, get_token_for_audience: Callable[[Audience], str], cloud: Optional[str] = None):
        super().__init__(cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience: Audience = Audience.ARM) -> str:  # type: ignore[override]
        return self._get_token_for_audience(audience)

    def _token_for(self, url: str) -> str:
        return self._get_token_for_audience(Audience.ARM)


class AzureMLTokenAuthentication(AbstractAuthentication):
    """The token of a run, which is valid for that run only."""

    EXPIRATION_THRESHOLD_IN_SECONDS = 95
    REFRESH_INTERVAL_IN_SECONDS = 30

    def __init__(
        self,
        azureml_access_token: str,
        expiry_time: Union[float, datetime, None] = None,
        host: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group_name: Optional[str] = None,
        workspace_name: Optional[str] = None,
        experiment_name: Optional[str] = None,
        run_id: Optional[str] = None,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
        cloud: str = "AzureCloud",
    ):
        super().__init__(cloud)
        self._url = config.normalize_url(host) if host else None
        self._run = (subscription_id, resource_group_name, workspace_name, experiment_name, run_id)
        self._user_email = user_email
        self._experiment_id = experiment_id
        self.set_token(azureml_access_token, expiry_time)

    @classmethod
    def create(
        cls,
        azureml_access_token: str,
        expiry_time: Union[float, datetime, None],
        host: str,
        subscription_id: str,
        resource_group_name: str,
        workspace_name: str,
        experiment_name: str,
        run_id: str,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
    ) -> AzureMLTokenAuthentication:
        return cls(
            azureml_access_token,
            expiry_time,
            host,
            subscription_id,
            resource_group_name,
            workspace_name,
            experiment_name,
            run_id,
            user_email,
            experiment_id,
        )

    @property
    def token(self) -> str:
        return self._token

    @property
    def expiry_time(self) -> Union[float, datetime, None]:
        return self._expiry_time

    def set_token(self, token: str, expiry_time: Union[float, datetime, None]) -> None:
        self._token = token
        self._expiry_time = expiry_time

    def get_authentication_header(self) -> Dict[str, str]:
        return {"Authorization": "Bearer " + self._token}

    def _token_for(self, url: str) -> str:
        return self._token


def _expiry_of(token: str) -> Optional[int]:
    """The expiry (epoch seconds) of a JWT; None for the studio's own tokens, which are opaque."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return int(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None


__getattr__ = _absent.find_missing(__name__)
