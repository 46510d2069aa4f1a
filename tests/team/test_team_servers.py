"""A team brings PostgreSQL and Redis; `make test-team` runs the whole suite on them, and these say that it did."""

import os
import threading
import uuid

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from accounts.models import SignInLink, User
from tests.up.running import Studio

pytestmark = pytest.mark.team


def test_the_database_is_postgresql(db):
    assert connection.vendor == "postgresql"


def test_redis_is_the_teams():
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert redis.Redis.from_url(settings.REDIS_URL).ping()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_one_link_one_is_let_in():
    secret = SignInLink.create_for(User.objects.create_user("olga"))
    let_in = []

    def use():
        let_in.append(SignInLink.redeem(secret))
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([user for user in let_in if user]) == 1


@pytest.fixture
def fresh_database():
    name = f"up_{uuid.uuid4().hex[:8]}"
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield url.rsplit("/", 1)[0] + "/" + name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.stack
def test_up_uses_the_teams_servers(tmp_path, fresh_database):
    studio = Studio(tmp_path, DATABASE_URL=fresh_database, REDIS_URL=os.environ["REDIS_URL"].replace("db=0", "db=1"))
    try:
        studio.start()
        assert studio.manage("signin").startswith(studio.url)
        programs = [process.name() for process in studio.family()]
        assert not {"valkey-server", "redis-server"} & set(programs)
        assert not (studio.data / "studio.sqlite3").exists()
    finally:
        studio.end()
