"""The private Redis under the supervisor: what it has kept may be damaged."""

import subprocess
import time

import pytest
import redis

from studio import redis_server
from studio.up import children, preflight, supervisor

KEPT = "appendonlydir"


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """A supervisor that has started nothing yet."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    studio = supervisor.Supervisor(preflight.read_settings(), None)
    yield studio
    if "redis" in studio.children:
        studio.children["redis"].kill()


def client(folder):
    url = redis_server.build_private_url(folder, folder / "redis" / "redis.sock")
    return redis.Redis.from_url(url, socket_timeout=5)


def turn_until_it_answers(studio, folder):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        studio._turn()
        try:
            return client(folder).ping()
        except redis.ConnectionError:
            continue
    raise AssertionError("Redis did not come back")


def fill(folder):
    """What a Redis that was killed has left."""
    socket = folder / "redis" / "redis.sock"
    process = subprocess.Popen(
        redis_server.build_command(redis_server.find_binary(), folder, socket), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not socket.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    client(folder).lpush("cluster.1", "look")
    process.kill()
    process.wait()


def test_damaged_files_are_set_aside_each_time_and_said(studio, tmp_path, capsys):
    fill(tmp_path)
    [log] = (tmp_path / "redis" / KEPT).glob("*.incr.aof")
    log.write_bytes(b"*3\r\nno such thing\r\n" + log.read_bytes())
    studio._start_redis()
    assert turn_until_it_answers(studio, tmp_path)
    assert client(tmp_path).llen("cluster.1") == 0
    [damaged] = (tmp_path / "redis").glob("damaged-*")
    assert (damaged / log.name).read_bytes().startswith(b"*3\r\nno such thing")
    said = capsys.readouterr().out
    assert said.count("Redis could not read its saved data") == 1 and str(damaged) in said
    # What it has saved since then may be damaged too, while the same studio runs.
    redis = studio.children["redis"]
    [manifest] = (tmp_path / "redis" / KEPT).glob("*.manifest")
    manifest.write_text("no such thing")
    redis.process.kill()
    redis.process.wait()
    assert turn_until_it_answers(studio, tmp_path)
    assert len(list((tmp_path / "redis").glob("damaged-*"))) == 2
    assert redis_server.set_aside_data(tmp_path).name.startswith("damaged-")


def test_what_a_killed_one_has_kept_is_read_again(studio, tmp_path):
    fill(tmp_path)
    studio._start_redis()
    assert turn_until_it_answers(studio, tmp_path)
    assert client(tmp_path).llen("cluster.1") == 1
    assert not list((tmp_path / "redis").glob("damaged-*"))


@pytest.fixture
def failing(studio, monkeypatch):
    monkeypatch.setattr(redis_server, "build_command", lambda *words: ["false"])
    monkeypatch.setattr(children, "MIN_PAUSE", 0.0)
    studio._start_redis()
    return studio


def test_one_that_fails_again_and_again_ends_the_start(failing):
    with pytest.raises(preflight.StartRefused, match="redis ended with exit code 1 6 times"):
        while True:
            failing._turn()


def test_one_that_fails_again_and_again_later_is_tried_more_seldom_and_said_once(failing, capsys):
    failing.answered = True
    while failing.children["redis"].quick_deaths <= supervisor.PATIENCE + 2:
        failing._turn()
    assert capsys.readouterr().out.count(supervisor.NO_REDIS) == 1
