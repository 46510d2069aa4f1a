"""The studio's own settings, over a data folder that goes away with the tests. pytest-django loads this before any conftest."""

import atexit
import os
import shutil
import tempfile

if "DATA_DIR" not in os.environ:
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="lazuli-tests-")
    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
os.environ.setdefault("STORAGE_URL", "memory://")

from studio.settings import *  # noqa: F403

# As Django's test client names the server.
PUBLIC_URL = "http://testserver"

# Slow hashing protects people; the tests' people need none.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in real life: threads of one test each have a connection of their own, which a database in memory lacks.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "tests.sqlite3")}  # noqa: F405
# A busy machine must not add the statement of a slow request to those that a test counts.
SLOW_REQUEST_SECONDS = 3600
