"""Find or create the account for a sign-in by an identity provider, and apply the groups and rights of its claims."""

import re
from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from accounts import activity
from accounts.identity_providers import IdentityProvider
from accounts.models import SignInLink, User
from studio.errors import Conflict, Denied
from studio.visible_names import problem_with

# Functions (person, provider, claims), which apply the mappings of claims.
APPLY: list[Callable[[User, IdentityProvider, dict], None]] = []
# Characters allowed in user names; the first one is a letter or digit.
NOT_IN_NAMES = re.compile(r"[^\w.@+-]", re.ASCII)


def providers_of(user: User):
    return SocialAccount.objects.filter(user=user)


def find_person(row: IdentityProvider, claims: dict, invitation: str = "") -> User:
    """The person whom these claims identify: known, invited, found by a verified address, or new. Raises Denied
    otherwise."""
    person = _find_or_make(row, claims, invitation)
    # The account of a newcomer who has to wait is stored too.
    if not person.is_active:
        raise Denied(_why_closed(person))
    return person


@transaction.atomic
def _find_or_make(row: IdentityProvider, claims: dict, invitation: str) -> User:
    known = SocialAccount.objects.filter(provider=row.slug, uid=claims["sub"]).select_related("user").first()
    if known:
        person = known.user
        SocialAccount.objects.filter(pk=known.pk).update(extra_data=_kept(claims))
    else:
        person = _invited(invitation) or _by_address(row, claims) or _newcomer(row, claims)
        connect_identity(row, claims, person)
    if person.is_active:
        for apply in APPLY:
            apply(person, row, claims)
    return person


@transaction.atomic
def connect_identity(row: IdentityProvider, claims: dict, person: User) -> None:
    """Let this person sign in by the provider from now on."""
    taken = SocialAccount.objects.filter(provider=row.slug, uid=claims["sub"]).first()
    if taken and taken.user_id != person.pk:
        raise Conflict(
            f"{row} belongs to another account here. Sign in to that account, or ask a site admin to separate them."
        )
    SocialAccount.objects.update_or_create(
        provider=row.slug, uid=claims["sub"], defaults={"user": person, "extra_data": _kept(claims)}
    )
    activity.record("identity.connect", person, message=f"{row}, {claims['sub']}"[:500])


@transaction.atomic
def disconnect_identity(person: User, key: int) -> None:
    """The person no longer signs in by this provider; something else has to be left."""
    found = providers_of(person).filter(pk=key).first()
    if found is None:
        raise Conflict("This identity was already disconnected.")
    passkeys = Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN)
    if not (person.has_usable_password() or passkeys.exists()) and providers_of(person).count() == 1:
        raise Conflict("It is your only way to sign in. Add a passkey before you disconnect it.")
    activity.record("identity.disconnect", person, message=f"{found.provider}, {found.uid}"[:500])
    found.delete()


def _kept(claims: dict) -> dict:
    """The claims that a site admin may need later, not all of them."""
    return {name: claims[name] for name in ("preferred_username", "name", "email") if isinstance(claims.get(name), str)}


def _invited(secret: str) -> User | None:
    return SignInLink.redeem(secret, is_invitation=True) if secret and SignInLink.find_invited(secret) else None


def _by_address(row: IdentityProvider, claims: dict) -> User | None:
    """Find an account by address, if the site trusts this provider for it and the provider has verified the address."""
    address = claims.get("email")
    if not (row.trusts_email and isinstance(address, str) and address and claims.get("email_verified") is True):
        return None
    found = list(User.objects.filter(email__iexact=address, kind=User.Kind.PERSON, is_break_glass=False)[:2])
    return found[0] if len(found) == 1 else None


def _newcomer(row: IdentityProvider, claims: dict) -> User:
    if not row.makes_accounts:
        raise Denied(f"{row} confirmed who you are, but you have no account here. Ask a site admin for an invitation.")
    name = claims.get("name")
    # People choose it themselves at many providers.
    full_name = name if isinstance(name, str) and not problem_with(name) else ""
    first, _, last = full_name[:150].partition(" ")
    person = User.objects.create_user(
        _free_name(claims),
        email=claims["email"][:254] if isinstance(claims.get("email"), str) else "",
        first_name=first,
        last_name=last,
        is_active=not row.needs_approval,
        closed_as=User.Closed.PENDING if row.needs_approval else "",
    )
    activity.record("account.create", person, message=f"by {row}")
    return person


def _free_name(claims: dict) -> str:
    words = [claims.get("preferred_username"), str(claims.get("email", "")).partition("@")[0], "person"]
    names = [NOT_IN_NAMES.sub("", word).lstrip("_.@+-")[:140] for word in words if isinstance(word, str)]
    name, number = next(filter(None, names)), 1
    free = name
    while User.objects.filter(username__iexact=free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _why_closed(person: User) -> str:
    if person.closed_as == User.Closed.PENDING:
        return "Your account waits for approval by a site admin. Sign in again when it is approved."
    return "Your account is deactivated. Ask a site admin."
