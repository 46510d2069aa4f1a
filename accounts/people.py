"""Management of accounts by site admins: states, ending all access at once, and the handover when a person leaves."""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import activity, handover
from accounts.actors import Actor, require_site_admin
from accounts.models import DeviceLogin, SignInLink, Token, User
from accounts.sessions import Session
from accounts.view_as import end_views_of
from studio.errors import Conflict
from studio.formats import format_count

# An account that was not used for this long is dormant.
DORMANT_AFTER = dt.timedelta(days=90)
STATES = ("active", "pending", "dormant", "blocked", "deactivated")
# Django's mark of an account without a password.
NO_PASSWORD = "!"


def list_people(state: str = "") -> QuerySet[User]:
    """People with the values for `last_seen` and `state_of`, optionally only those in one of STATES."""
    people = User.objects.filter(kind=User.Kind.PERSON).annotate(
        session_used_at=Max("sessions__last_used_at"), token_used_at=Max("tokens__last_used_at")
    )
    if state:
        people = people.filter(_condition(state))
    return people.order_by("username")


def _condition(state: str) -> Q:
    if state in (User.Closed.BLOCKED, User.Closed.DEACTIVATED):
        others = User.Closed.DEACTIVATED if state == User.Closed.BLOCKED else User.Closed.BLOCKED
        default = Q(closed_as="") if state == User.Closed.DEACTIVATED else Q()
        return Q(is_active=False) & (Q(closed_as=state) | default) & ~Q(closed_as=others)
    pending = Q(is_active=False, closed_as=User.Closed.PENDING) | Q(
        is_active=True, password__startswith=NO_PASSWORD, last_login=None
    )
    if state == "pending":
        return pending
    since = timezone.now() - DORMANT_AFTER
    used = (
        Q(last_login__gt=since)
        | Q(date_joined__gt=since)
        | Exists(Session.objects.filter(user=OuterRef("pk"), last_used_at__gt=since))
        | Exists(Token.objects.filter(user=OuterRef("pk"), last_used_at__gt=since))
    )
    return Q(is_active=True) & ~pending & (used if state == "active" else ~used)


def last_seen(person: User) -> dt.datetime | None:
    """The last sign-in or use of a session or token of a row of `list_people`."""
    moments = [person.last_login, person.session_used_at, person.token_used_at]  # type: ignore[attr-defined]
    return max(filter(None, moments), default=None)


def state_of(person: User) -> str:
    """The state of a row of `list_people`: one of STATES."""
    if not person.is_active:
        return person.closed_as or User.Closed.DEACTIVATED
    if not person.has_usable_password() and person.last_login is None:
        return "pending"
    newest = max(filter(None, [last_seen(person), person.date_joined]))
    return "dormant" if newest < timezone.now() - DORMANT_AFTER else "active"


@transaction.atomic
def end_sessions(person: User, but: str = "") -> int:
    """Signs the person out everywhere, except in the browser whose session is stored under `but`."""
    ended, _ = Session.objects.filter(user=person).exclude(pk=but).delete()
    activity.record("session.revoke", person, message=format_count(ended, "browser"))
    return ended


@transaction.atomic
def end_session(person: User, key: str) -> None:
    """End one of the person's sessions, by its stored key."""
    found = Session.objects.filter(user=person, pk=key).first()
    if found is None:
        raise Conflict("This session has ended already.")
    activity.record("session.revoke", person, message=found.device_name)
    found.delete()


@transaction.atomic
def block_account(actor: Actor, person: User) -> None:
    """Block the account: no sign-in, session or token works, and nothing is handed over."""
    _close(actor, person, User.Closed.BLOCKED, "block an account")
    activity.record("account.block", person, actor=actor)


@transaction.atomic
def deactivate_account(
    actor: Actor, person: User, heir: User | None = None, previewed: str | None = None
) -> dict[str, int]:
    """Close the account permanently: hand over to the heir what the person owns, and revoke tokens. Return what was
    handed over; `previewed` is the token of the preview of it, if a page has shown one."""
    held = handover.count_held(person)
    if held and heir is None:
        words = ", ".join(f"{number} {label}" for label, number in held.items())
        raise Conflict(f"{person} owns {words}. Enter the person who takes them over.", target="heir")
    if heir is not None and (heir == person or not heir.is_active or heir.kind != User.Kind.PERSON):
        raise Conflict(f"{heir} cannot take over: choose another person with an active account.", target="heir")
    if held and previewed is not None:
        handover.check_unchanged(person, previewed)
    _close(actor, person, User.Closed.DEACTIVATED, "deactivate an account")
    if heir is not None:
        handover.hand_over(person, heir)
    Token.revoke_all(person)
    message = f"handed over to {heir}: " + ", ".join(f"{n} {label}" for label, n in held.items()) if held else ""
    activity.record("account.deactivate", person, actor=actor, message=message)
    return held


@transaction.atomic
def open_account(actor: Actor, person: User) -> None:
    """Unblock or reactivate an account, or approve that of a newcomer."""
    require_site_admin(actor, "unblock an account")
    before = person.closed_as or "deactivated"
    if not User.objects.filter(pk=person.pk, is_active=False).update(is_active=True, closed_as=""):
        raise Conflict(f"The account of {person} is not blocked.")
    activity.record("account.open", person, actor=actor, message=f"it was {before}")


def _close(actor: Actor, person: User, state: str, what: str) -> None:
    """Close the account with its sessions, links and device codes; the next request is refused. Its jobs are not
    canceled: their tokens are refused (runs/run_tokens.py), and no node claims waiting ones (compute/nodes_api.py)."""
    require_site_admin(actor, what)
    if person == actor.user:
        raise Conflict("You cannot block or deactivate your own account. Another site admin can.")
    # If two site admins close each other's account at the same moment, the second waits.
    admins = list(User.objects.select_for_update().filter(is_superuser=True, is_active=True))
    if admins == [person]:
        raise Conflict(f"{person} is the last site admin. Make another one first.", code="last_owner")
    User.objects.filter(pk=person.pk).update(is_active=False, closed_as=state)
    Session.objects.filter(user=person).delete()
    SignInLink.objects.filter(user=person, used_at=None).delete()
    DeviceLogin.objects.filter(user=person, redeemed_at=None).delete()
    end_views_of(person)


def find_heir(name: str) -> User | None:
    if not name:
        return None
    found = User.objects.filter(username__iexact=name, kind=User.Kind.PERSON).exclude(username="").first()
    if found is None:
        raise Conflict(f"There is no account {name!r}.", target="heir")
    return found
