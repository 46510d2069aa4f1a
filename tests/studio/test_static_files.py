"""Static files: their addresses change with their content, and a page preloads the modules that its scripts import."""

import pathlib
import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from studio.static_files import list_imports, static_version
from studio.templatetags import studio as tags

ROOT = settings.BASE_DIR
ENTRIES = sorted(f"js/pages/{path.name}" for path in (ROOT / "static" / "js" / "pages").glob("*.js"))
MODULES = sorted(path for path in (ROOT / "static" / "js").rglob("*.js"))


def test_the_version_changes_with_the_content(tmp_path):
    (tmp_path / "one.js").write_text("1")
    first = static_version(tmp_path)
    assert static_version(tmp_path) == first
    (tmp_path / "one.js").write_text("2")
    second = static_version(tmp_path)
    (tmp_path / "one.js").rename(tmp_path / "two.js")
    assert len({first, second, static_version(tmp_path)}) == 3


def test_browsers_keep_static_files(client):
    answer = client.get(tags.asset("js/pages/shell.js"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/static/js/pages/shell.js").status_code in (302, 404)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_page_preloads_what_its_script_imports(entry):
    html = tags.module(entry)
    preloaded = re.findall(r'<link rel="modulepreload" href="/static/\w+/([^"]+)">', html)
    assert preloaded == list_imports(entry)
    assert preloaded or "import" not in (ROOT / "static" / entry).read_text()
    assert html.count('<script type="module"') == 1


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "static" / "js")))
def test_every_import_is_found(path):
    name = str(path.relative_to(ROOT / "static"))
    imports = re.findall(r'"(\.{1,2}/[^"]+\.js)"', path.read_text())
    found = {str((path.parent / one).resolve().relative_to(ROOT / "static")) for one in imports}
    assert found <= set(list_imports(name)), "write each import on one line"
    assert all(finders.find(one) for one in found)


def test_every_module_is_used():
    used = {module for entry in ENTRIES for module in [entry, *list_imports(entry)]}
    assert {str(path.relative_to(ROOT / "static")) for path in MODULES} == used


def test_every_entry_is_loaded_by_a_page():
    templates = "".join(path.read_text() for path in pathlib.Path(ROOT / "templates").rglob("*.html"))
    assert set(re.findall(r'{% module "([^"]+)" %}', templates)) == set(ENTRIES)
