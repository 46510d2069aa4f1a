"""What the table of sessions holds opens no page."""

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth import BACKEND_SESSION_KEY
from django.test import Client
from django.utils import timezone

from accounts.sessions import BEGAN, Session, SessionStore, stored_key
from tests import factories


def test_the_database_does_not_hold_the_key_of_the_cookie(db):
    client = Client()
    client.force_login(factories.make_user("olga"))
    key = client.cookies["sessionid"].value
    assert client.get("/").status_code == 200
    row = Session.objects.get()
    assert key not in (row.pk, row.session_data)
    # Neither the stored key nor a row under the cookie's own key, as older versions wrote it, opens anything.
    thief = Client()
    thief.cookies["sessionid"] = row.pk
    assert thief.get("/").status_code == 302
    row.pk = key
    row.save(force_insert=True)
    Session.objects.exclude(pk=key).delete()
    assert client.get("/").status_code == 302


def test_sessions_are_stored_renewed_and_deleted_as_in_django(db):
    store = SessionStore()
    store["word"] = "kept"
    store.save()
    again = SessionStore(store.session_key)
    assert again["word"] == "kept" and again.exists(store.session_key)
    again.cycle_key()
    assert not again.exists(store.session_key) and SessionStore(again.session_key)["word"] == "kept"
    again.flush()
    assert not Session.objects.exists()
    assert SessionStore("unknown0123456789").load() == {}


def test_a_session_ends_14_days_after_its_sign_in_however_often_it_changes(db):
    store, began = SessionStore(), timezone.now() - dt.timedelta(days=13)
    store[BEGAN] = began.isoformat()
    store.save()
    store["word"] = "changed"
    store.save()
    assert Session.objects.get().expire_date == began + dt.timedelta(days=14)
    store.set_expiry(12 * 3600)
    store.save()
    assert Session.objects.get().expire_date == began + dt.timedelta(hours=12)


def test_the_other_way_in_goes_by_the_digest_too(transactional_db):
    store = SessionStore()
    store.save()

    async def use():
        return [
            await store.aexists(key) for key in (store.session_key, stored_key(store.session_key))
        ], await store.adelete()

    # In a thread of its own: browser tests leave an event loop in that of the tests.
    with ThreadPoolExecutor(1) as pool:
        (by_key, by_digest), _ = pool.submit(asyncio.run, use()).result()
    assert by_key and not by_digest
    assert not Session.objects.exists()


def test_an_unused_session_ends_after_the_time_of_the_setting(db, settings):
    client, olga = Client(), factories.make_user("olga")
    client.force_login(olga)
    assert client.get("/").status_code == 200
    Session.objects.update(last_used_at=timezone.now() - dt.timedelta(minutes=31))
    settings.SESSION_IDLE_MINUTES = 30
    assert client.get("/").status_code == 302 and not Session.objects.live().exists()
    settings.SESSION_IDLE_MINUTES = 0
    Session.objects.update(last_used_at=timezone.now() - dt.timedelta(days=13))
    client.force_login(olga)
    assert client.get("/").status_code == 200


def test_a_session_of_an_earlier_version_stays_signed_in(db):
    client, olga = Client(), factories.make_user("olga")
    client.force_login(olga)
    session = client.session
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session.save()
    assert client.get("/").status_code == 200
    olga.is_active = False
    olga.save()
    assert client.get("/").status_code == 302


def test_what_a_page_sends_by_itself_is_no_use_of_its_session(db):
    client = Client()
    client.force_login(factories.make_user("olga"))
    before = timezone.now() - dt.timedelta(minutes=20)
    Session.objects.update(last_used_at=before)
    assert client.get("/", headers={"X-Unattended": "1"}).status_code == 200
    assert Session.objects.get().last_used_at == before
    client.get("/")
    assert Session.objects.get().last_used_at > before
