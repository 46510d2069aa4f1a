"""`manage.py upgrade` says what it would do, refuses in a sentence, and makes a verified backup first."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import migrations, models

from operations import upgrades
from operations.management.commands import upgrade
from tests import factories


def run(**options) -> str:
    out = io.StringIO()
    call_command("upgrade", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def step(workspace, monkeypatch):
    """A migration that adds a column to a table with two rows."""
    factories.make_run(workspace)
    factories.make_run(workspace)
    migration = migrations.Migration("0999_next", "runs")
    migration.operations = [
        migrations.AddField("run", "extra", models.IntegerField(null=True)),
        migrations.RunPython(migrations.RunPython.noop),
    ]
    found = upgrades._describe(migration, {"runs_run"})
    monkeypatch.setattr(upgrades, "list_steps", lambda: [found])
    return found


def test_a_database_that_is_up_to_date(db):
    assert "The database is up to date." in run() and "free on the disk" in run(plan=True)


def test_the_plan_names_each_migration_with_its_rows(step):
    text = run(plan=True)
    assert "- runs.0999_next: " in text and "changes rows (2 rows)" in text and "no verified backup yet" in text


def test_too_little_space_refuses_before_anything_is_changed(step, monkeypatch):
    monkeypatch.setattr(upgrades, "_read_size", lambda: 10**18)
    monkeypatch.setattr(upgrades.connection, "vendor", "sqlite")
    with pytest.raises(CommandError, match="Empty the trash"):
        run()


def test_an_upgrade_makes_and_checks_a_backup_first(step, monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    called = []
    monkeypatch.setattr(upgrade, "call_command", lambda name, **options: called.append((name, options.get("check"))))
    run()
    assert called == [("backup", None), ("backup", True), ("migrate", None)]
