"""The studio that a command of manage.py means."""

import os
import pathlib
import subprocess
import sys

import pytest

from studio import running
from studio.running import NoStudio, use_running_studio

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Sets which studios run; returns two data folders, each with a database."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / running.DATABASE).write_text("")

    def run(*environments):
        monkeypatch.setattr(running, "find_running", lambda: list(environments))
        return folders

    return run


def test_the_one_that_runs_is_meant(here):
    one, _ = here({"DATA_DIR": "/srv/lazuli", "PORT": "9000", "OTHER": "x"})
    environ = {}
    use_running_studio(["signin"], environ)
    assert environ == {"DATA_DIR": "/srv/lazuli", "PORT": "9000"}
    # What is given is kept, and another folder is another studio.
    environ = {"DATA_DIR": str(one), "PORT": "1"}
    use_running_studio(["token", "x"], environ)
    assert environ == {"DATA_DIR": str(one), "PORT": "1"}


def test_of_several_one_must_be_named(here):
    one, two = here()
    here({"DATA_DIR": str(one), "PORT": "1"}, {"DATA_DIR": str(two), "PORT": "2"})
    with pytest.raises(NoStudio, match=f"DATA_DIR={one}, DATA_DIR={two}"):
        use_running_studio(["signin"], {})
    environ = {"DATA_DIR": str(two)}
    use_running_studio(["signin"], environ)
    assert environ["PORT"] == "2"


def test_other_commands_and_a_teams_database_are_left_alone(here):
    here({"DATA_DIR": "/srv/lazuli"})
    for words, environ in ((["migrate"], {}), ([], {}), (["signin"], {"DATABASE_URL": "postgres://x"})):
        before = dict(environ)
        use_running_studio(words, environ)
        assert environ == before


def test_no_folder_is_made_where_no_studio_is(tmp_path):
    folder = tmp_path / "nowhere"
    kept = {name: value for name, value in os.environ.items() if name not in running.SETTINGS}
    command = [sys.executable, "manage.py", "signin"]
    ended = subprocess.run(
        command, cwd=ROOT, env={**kept, "DATA_DIR": str(folder)}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1 and "There is no studio in the data folder" in ended.stderr
    assert not folder.exists()


def test_seed_makes_a_studio_where_there_is_none(here, tmp_path):
    here()
    environ = {"DATA_DIR": str(tmp_path / "new")}
    with pytest.raises(NoStudio):
        use_running_studio(["token"], dict(environ))
    use_running_studio(["seed"], environ)
    assert environ == {"DATA_DIR": str(tmp_path / "new")}


def test_a_database_may_be_named_as_libpq_does(tmp_path):
    url = "postgresql:///studio?host=/run/pg&port=5433&user=olga&sslmode=require"
    code = "from django.conf import settings; d = settings.DATABASES['default']; print(*[d[k] for k in ('NAME', 'HOST', 'PORT', 'USER')], d['OPTIONS'])"
    env = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "studio.settings"}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert ended.stdout.split(" ", 4)[:4] == ["studio", "/run/pg", "5433", "olga"], ended.stderr
    assert "'sslmode': 'require'" in ended.stdout and "host" not in ended.stdout
