"""Passkeys (WebAuthn): as a second factor, and for signing in without a password. Each requires the device's PIN or
fingerprint."""

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import activity, second_factors
from accounts.models import User
from accounts.rules import PASSKEY_NAME
from studio.errors import Conflict, Invalid
from studio.request_body import load_object

WRONG = "The passkey was not accepted. Try again, or sign in another way."


def _load_webauthn():
    # Memory: 4 MB of fido2 in each process, which many studios never use.
    from allauth.mfa.webauthn.internal import auth

    return auth


def begin_registration(user: User) -> dict:
    """Options for `navigator.credentials.create`; the challenge is stored in the session."""
    if second_factors.factors_of(user).count() > second_factors.MAX_PASSKEYS:
        raise Conflict(f"You have {second_factors.MAX_PASSKEYS} passkeys. Remove one first.")
    return _load_webauthn().begin_registration(user, passwordless=True)


@transaction.atomic
def add_passkey(user: User, name: str, answer: str) -> list[str]:
    """Returns new recovery codes, if the person had none."""
    credential, name = _parse(answer), PASSKEY_NAME.check(name)
    try:
        _load_webauthn().complete_registration(credential)
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise Invalid(WRONG, target="credential") from error
    _load_webauthn().WebAuthn.add(user, name, credential)
    activity.record("factor.add", user, message=f"passkey {name}")
    return second_factors.ensure_codes(user)


def begin_authentication(user: User | None = None) -> dict:
    """Options for `navigator.credentials.get`: for this person's passkeys, or for any of the studio on the device."""
    return _load_webauthn().begin_authentication(user)


def authenticate(answer: str, user: User | None = None) -> User | None:
    """The person with this passkey; None if no open account has it, or if it is not this person's."""
    library = _load_webauthn()
    try:
        credential = _parse(answer)
        found = user or library.extract_user_from_response(credential)
        authenticator = library.complete_authentication(found, credential)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError, Invalid):
        return None
    if not found.is_active:
        return None
    Authenticator.record_usage(authenticator)
    return found


def _parse(answer: str) -> dict:
    try:
        return load_object(answer[:20_000], "credential")
    except Invalid as error:
        raise Invalid(WRONG, target="credential") from error
