"""Second factors in addition to the password: codes of an authenticator app, recovery codes, passkeys
(accounts/passkeys.py).

django-allauth stores them and computes the codes; pages, limits and the activity log are ours. Secrets are encrypted
like those of the key vault. A code of an app works once, in all processes together.
"""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor, require_site_admin
from accounts.models import Session, SignInPolicy, User
from studio import encryption, hosts
from studio.errors import Conflict, Invalid

Type = Authenticator.Type
OWNER = "second factors"
ISSUER = "Lazuli Studio"
MAX_PASSKEYS = 20


class SecondFactorAdapter(DefaultMFAAdapter):
    def get_totp_issuer(self):
        return f"{ISSUER} ({settings.PUBLIC_HOST})"

    def encrypt(self, text):
        return encryption.load_keys().encrypt(text, OWNER)

    def decrypt(self, encrypted_text):
        return encryption.load_keys().decrypt(encrypted_text, OWNER)

    def get_public_key_credential_rp_entity(self):
        return {"id": passkey_host(), "name": ISSUER}


def passkey_host() -> str:
    """The host name for passkeys; browsers accept no IP addresses, so this machine is `localhost`."""
    return "localhost" if hosts.is_loopback(settings.PUBLIC_HOST) else settings.PUBLIC_HOST


def factors_of(user: User):
    """Apps and passkeys; recovery codes are not a separate factor."""
    return Authenticator.objects.filter(user=user, type__in=[Type.TOTP, Type.WEBAUTHN]).order_by("type", "pk")


def is_required_of(user: User) -> bool:
    """Whether the site's policy requires a second factor of a user who has none."""
    return SignInPolicy.load().requires_second_factor(user) and not factors_of(user).exists()


def new_secret() -> str:
    return totp.generate_totp_secret()


def totp_url(user: User, secret: str) -> str:
    """The content of the QR code."""
    return SecondFactorAdapter().build_totp_url(user, secret)


@transaction.atomic
def add_app(user: User, secret: str, code: str) -> list[str]:
    """Add an app after a code has confirmed it. Return new recovery codes, if the person had none."""
    if not totp.validate_totp_code(secret, code.replace(" ", "")):
        raise Invalid(
            "That is not the current code of the app. Check that the clock of the phone is right.", target="code"
        )
    if Authenticator.objects.filter(user=user, type=Type.TOTP).exists():
        raise Conflict("You have an authenticator app already. Remove it first.", target="code")
    totp.TOTP.activate(user, secret)
    activity.record("factor.add", user, message="authenticator app")
    return ensure_codes(user)


def ensure_codes(user: User) -> list[str]:
    if Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).exists():
        return []
    return RecoveryCodes.activate(user).generate_codes()


@transaction.atomic
def renew_codes(user: User) -> list[str]:
    """Create ten new recovery codes; the old ones stop working."""
    if not factors_of(user).exists():
        raise Conflict("Recovery codes replace a lost second factor: set one up first.")
    Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).delete()
    activity.record("factor.add", user, message="recovery codes")
    return ensure_codes(user)


def count_codes(user: User) -> int:
    row = Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


@transaction.atomic
def remove_factor(user: User, key: int) -> None:
    """Remove a factor; recovery codes are removed with the last one."""
    found = factors_of(user).filter(pk=key).first()
    if found is None:
        raise Conflict("This second factor was already removed.")
    if factors_of(user).count() == 1 and SignInPolicy.load().requires_second_factor(user):
        raise Conflict("You are required to have a second factor. Add another one before you remove this one.")
    activity.record("factor.remove", user, message=str(found))
    found.delete()
    if not factors_of(user).exists():
        Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def change_policy(actor: Actor, rule: str) -> None:
    """Set who needs a second factor; those who have none are signed out, and set one up at their next sign-in."""
    require_site_admin(actor, "change the sign-in policy")
    policy = SignInPolicy.load()
    before, policy.second_factor = policy.second_factor, rule
    if policy.requires_second_factor(actor.user) and not factors_of(actor.user).exists():
        raise Conflict(
            "Set up a second factor of your own first, so that you are not locked out.", target="second_factor"
        )
    policy.save()
    without = User.objects.filter(kind=User.Kind.PERSON).exclude(
        pk__in=Authenticator.objects.filter(type__in=[Type.TOTP, Type.WEBAUTHN]).values("user")
    )
    Session.objects.filter(user__in=[user for user in without if policy.requires_second_factor(user)]).delete()
    activity.record("policy.change", policy, actor=actor, changes={"second_factor": [before, rule]})


@transaction.atomic
def reset_factors(user: User, actor: Actor | None = None) -> int:
    """Remove all factors of a person who has lost phone and codes: the next sign-in needs only the password."""
    gone, _ = Authenticator.objects.filter(user=user).delete()
    activity.record("factor.reset", user, actor=actor)
    return gone


@transaction.atomic
def check_code(user: User, code: str) -> str:
    """The kind of the code, as a word for the activity log; empty if it is wrong."""
    code = code.replace(" ", "").replace("-", "")[:20]
    rows = Authenticator.objects.select_for_update().filter(user=user)
    found = {row.type: row for row in rows if row.type != Type.WEBAUTHN}
    if Type.TOTP in found and _use_totp(found[Type.TOTP], code):
        return "authenticator app"
    if Type.RECOVERY_CODES in found and RecoveryCodes(found[Type.RECOVERY_CODES]).validate_code(code):
        Authenticator.objects.filter(pk=found[Type.RECOVERY_CODES].pk).update(last_used_at=timezone.now())
        return "recovery code"
    return ""


def _use_totp(row: Authenticator, code: str) -> bool:
    """A code is valid for its step of 30 seconds and the steps before and after; each step works only once."""
    secret = SecondFactorAdapter().decrypt(row.data["secret"])
    for step in totp.yield_hotp_counters_from_time():
        right = totp.format_hotp_value(totp.hotp_value(secret, step))
        if step > row.data.get("last_step", 0) and totp.compare_user_code(actual=code, expected=right):
            row.data["last_step"], row.last_used_at = step, timezone.now()
            row.save(update_fields=["data", "last_used_at"])
            return True
    return False


def encrypt_again(keys: encryption.Keys) -> int:
    """Encrypt values of other keys with the current one; for `manage.py rotate_vault_keys`."""
    number = 0
    for row in Authenticator.objects.exclude(type=Type.WEBAUTHN):
        for name in ("secret", "seed"):
            if name in row.data:
                row.data[name] = keys.encrypt(keys.decrypt(row.data[name], OWNER), OWNER)
                number += 1
        row.save(update_fields=["data"])
    return number
