"""What stops the start is reported before anything is started, with its remedy."""

import collections
import json
import pathlib
import resource
import socket

import pytest

from studio import redis_server
from studio.up import loader, preflight


@pytest.fixture
def settings(tmp_path, monkeypatch):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PORT", str(sock.getsockname()[1]))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return preflight.read_settings()


def test_a_taken_port_is_named_with_a_free_one(settings):
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with pytest.raises(preflight.StartRefused, match=rf"Port {settings.port} is taken .* make up PORT=\d+"):
            preflight.bind_socket(settings)


def test_a_port_that_was_left_a_moment_ago_is_free(settings):
    preflight.bind_socket(settings).close()
    with preflight.bind_socket(settings) as sock:
        assert sock.getsockname()[1] == settings.port


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("PORT", "eighty", "write a whole number from 1 to 65535"),
        ("PORT", "70000", "write a whole number from 1 to 65535"),
        ("SAMPLE", "maybe", "write True or False"),
        ("STOP", "later", "write now or wait"),
        ("REDIS_URL", "http://x", "begins with redis:, rediss:, unix:"),
        ("WEB_WORKERS", "0", "write a whole number from 1 to 64"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(preflight.StartRefused) as refused:
        preflight.read_settings()
    assert f"{name}={value!r}" in str(refused.value) and words in str(refused.value)


def test_a_host_that_is_none_of_ours(settings, monkeypatch):
    monkeypatch.setenv("HOST", "192.0.2.1")
    with pytest.raises(preflight.StartRefused, match="is not an address of this machine"):
        preflight.bind_socket(preflight.read_settings())


def test_a_folder_that_cannot_be_written():
    with pytest.raises(preflight.StartRefused, match=r"cannot be written .* make up DATA_DIR="):
        preflight.check_data_dir(pathlib.Path("/dev/null/data"))


def test_a_full_disk(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 5 * 1024**2))
    with pytest.raises(preflight.StartRefused, match=r"is full \(5 MB free, 100 MB are needed\)"):
        preflight.check_data_dir(tmp_path)


def test_one_studio_per_folder(settings):
    with preflight.lock_data_folder(settings) as file:
        file.seek(0)
        assert json.loads(file.read())["url"] == settings.local_url
        with pytest.raises(preflight.StartRefused, match=settings.local_url):
            preflight.lock_data_folder(settings)
    preflight.lock_data_folder(settings).close()


def test_redis_is_found_on_path_where_no_wheel_fits(monkeypatch):
    monkeypatch.setattr(redis_server, "_find_shipped", lambda: "")
    monkeypatch.setattr(
        redis_server.shutil, "which", lambda name: "/bin/redis-server" if name == "redis-server" else None
    )
    assert redis_server.find_binary() == "/bin/redis-server"


def test_a_long_data_folder_gets_a_socket_elsewhere(tmp_path):
    path = redis_server.socket_path(tmp_path / ("x" * 120))
    assert len(str(path)) < 100 and path.parent.is_dir()


def test_an_external_redis_that_does_not_answer_is_named_without_its_password():
    problem = redis_server.problem_with("redis://:geheim@127.0.0.1:1/0")
    assert "127.0.0.1:1/0 does not answer" in problem and "geheim" not in problem


def test_forked_processes_get_their_files_below_a_low_limit(monkeypatch):
    """A container may allow 1,000 open files."""
    for limit in (resource.RLIM_INFINITY, 100_000, 1000, 256):
        monkeypatch.setattr(resource, "getrlimit", lambda what, limit=limit: (limit, limit))
        high = loader.find_high()
        assert 100 < high <= loader.HIGH and (limit < 0 or high + loader.MANY_FILES < limit), limit
