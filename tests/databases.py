"""An empty database with all tables, which is made once and copied from then on."""

import contextlib
import hashlib
import inspect
import os
import pathlib
import sqlite3

from django.apps import apps
from django.conf import settings


def get_template() -> pathlib.Path:
    """The empty database of these migrations, kept between sessions."""
    paths = {path for app in apps.get_app_configs() for path in pathlib.Path(app.path, "migrations").glob("*.py")}
    # Those of our own write their statements themselves.
    constraints = [constraint for model in apps.get_models() for constraint in model._meta.constraints]
    paths |= {pathlib.Path(inspect.getfile(type(constraint))) for constraint in constraints}
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()
    return settings.BASE_DIR / ".cache" / f"tests-{digest[:16]}.sqlite3"


def copy(source, target) -> None:
    """Whole or not at all: other sessions do the same."""
    target = pathlib.Path(target)
    made = target.with_name(f"{target.name}-{os.getpid()}")
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(made)) as new:
        old.backup(new)
    made.replace(target)
