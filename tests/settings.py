"""The studio's own settings, over a data folder that goes away with the tests. pytest-django loads this before any conftest."""

import atexit
import os
import shutil
import tempfile

if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="lazuli-tests-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
# Each process of a run in parallel has files of its own, as it has a database: keys are rotated in some tests.
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and not os.environ["DATA_DIR"].endswith(f"/{worker}"):
    os.environ["DATA_DIR"] = os.path.join(os.environ["DATA_DIR"], worker)
    os.makedirs(os.environ["DATA_DIR"], mode=0o700, exist_ok=True)
os.environ.setdefault("STORAGE_URL", "memory://")
# Builds in tests, also in whole studios, take a Python of this machine.
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")

from studio.settings import *  # noqa: F403

# As Django's test client names the server.
PUBLIC_URL = "http://testserver"

# Slow hashing protects people; the tests' people need none.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "studio.sqlite":  # noqa: F405
    # A file, as in real life: threads of one test each have a connection of their own, which a database in memory lacks.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "tests.sqlite3")}  # noqa: F405
# A busy machine must not add the statement of a slow request to those that a test counts.
SLOW_REQUEST_SECONDS = 3600
