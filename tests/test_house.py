"""What a machine can keep of the house's rules: imports one way, strangers refused, settings and API documented."""

import ast
import collections
import functools
import graphlib
import itertools
import pathlib
import re
import tomllib
import typing

import pydantic
import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from studio.api import api as the_api
from studio.names import wire_name
from studio.rules import Rule
from studio.urls import urlpatterns
from tests import factories

ROOT = pathlib.Path(__file__).resolve().parent.parent
APPS = [
    "studio",
    "accounts",
    "workspaces",
    "assets",
    "compute",
    "runs",
    "registry",
    "endpoints",
    "notebooks",
    "labeling",
    "trash",
    "costs",
    "backups",
    "operations",
    "notices",
    "mlflow_api",
]
# Where all apps are named: addresses, installed apps, and the processes that `up` and Celery start.
COMPOSITION_ROOT = {"studio/urls.py", "studio/celery.py", "studio/settings.py"}
# Inside runs: what the pages, the API and the charts are built of, and what knows nothing of them.
LOWER_UNITS = {"runs.models", "runs.metrics", "runs.files", "runs.search", "runs.submission", "runs.attempts"}
# Names of URLs of upper apps, each file with its reason; others use studio/links.py.
NAMES_UPPER_URLS = {
    "studio/shell.py": "the navigation, which shows what is there",
    "studio/views.py": "the palette, which finds what the header shows",
    "templates/studio/_header.html": "the header of every page",
    "templates/studio/_account_links.html": "the menu of the account in the header",
    "templates/studio/_switcher.html": "the menu of the workspace in the header",
    "templates/studio/api_docs.html": "the way to the tokens, which the API asks for",
}
# Folders of templates that are not named like their app.
TEMPLATE_APPS = {"data": "runs", "environments": "runs", "monitoring": "runs"}
# Operations that answer without a token, each with its reason.
OPEN_OPERATIONS = {
    "POST /login/device": "begins the sign-in that gives the first token",
    "POST /login/device/token": "needs the secret of the device",
    "GET /discovery/workspaces/{workspace_id}": "tells only this server's address, as Azure's does",
    "GET /metadata/endpoints": "tells only this server's address, as Azure's does",
}
# Pages that open without a sign-in.
OPEN_PAGES = {
    "/signin/",
    "/signin/link/x/",
    "/invitation/x/",
    # The challenge of a passkey, with which the sign-in begins.
    "/signin/passkey/begin/",
    "/favicon.ico",
    # To this machine alone; tests/operations/test_probes.py.
    "/metrics",
    "/api/openapi.json",
    "/api/mlflow/openapi.json",
}
# Paths whose own key decides, not a session: packages are public inside the house, nodes and runs bring tokens.
OWN_KEYS = re.compile(
    r"^/(pypi|subscriptions|administration|history|content|notices|modelmanagement|nodes|discovery|metadata|mlflow|login/(device(/token)?|whoami)$|signed|admin/rows|x/)"
)


@functools.cache
def python_files():
    return [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


@functools.cache
def nodes_of(path: pathlib.Path) -> list[ast.AST]:
    """All nodes of a module's tree, which the tests below look through again and again."""
    return list(ast.walk(ast.parse(path.read_text())))


def imported_apps(path: pathlib.Path) -> set[str]:
    """The apps that a module imports, inside functions included."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} & set(APPS)


def bound_files() -> list[str]:
    """Those of the apps' own files that are not where all apps are put together."""
    names = [str(path.relative_to(ROOT)) for path in python_files()]
    return [name for name in names if name not in COMPOSITION_ROOT and not name.startswith("studio/up/")]


def test_imports_point_one_way():
    for where in bound_files():
        allowed = set(APPS[: APPS.index(where.partition("/")[0]) + 1])
        assert imported_apps(ROOT / where) <= allowed, f"{where} may import {sorted(allowed)} only"


def name_of(path: pathlib.Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: pathlib.Path, known: set[str]) -> set[str]:
    """The modules among the known ones that a module imports, inside functions included, for types alone excluded."""
    tree = ast.parse(path.read_text())
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (full & known) or ({node.module} & known)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
    return found - {name_of(path)}


@functools.cache
def import_graph() -> dict[str, set[str]]:
    known = {name_of(path) for path in python_files()}
    return {name_of(path): imports_of(path, known) for path in python_files()}


def circles(graph: dict[str, set[str]]) -> set[str]:
    """The nodes that import each other: what is left when, again and again, all are taken away that import nothing left."""
    left = dict(graph)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return set(left)


def unit_of(module: str) -> str:
    """The folder inside runs that a module is in, or the module itself if it is in none: `runs.metrics`, `runs.pages.run`."""
    parts = module.split(".")
    depth = 3 if parts[:2] == ["runs", "pages"] else 2
    return ".".join(parts[:depth])


def test_no_modules_import_each_other():
    assert not circles(import_graph())
    # A model that is looked up by its name hides a circle.
    assert [str(path.relative_to(ROOT)) for path in python_files() if ".get_model(" in path.read_text()] == []


def test_no_folders_inside_runs_import_each_other():
    graph: dict[str, set[str]] = {}
    for module, others in import_graph().items():
        units = {unit_of(other) for other in others if other.startswith("runs.")}
        if module.startswith("runs."):
            graph.setdefault(unit_of(module), set()).update(units - {unit_of(module)})
    assert not circles(graph)
    # What stands below knows nothing of what is above it.
    upper = {unit for unit in graph if unit in ("runs.api", "runs.charts") or unit.startswith("runs.pages.")}
    assert {"runs.api", "runs.charts", "runs.pages.home_cards", "runs.pages.monitoring"} <= upper
    reach = {below: graph[below] & upper for below in LOWER_UNITS}
    assert not any(reach.values()), reach


def imports_inside_functions(path: pathlib.Path) -> list[int]:
    """Lines, each once."""
    functions = [node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    imports = [node for one in functions for node in ast.walk(one) if isinstance(node, ast.Import | ast.ImportFrom)]
    return sorted({node.lineno for node in imports})


def has_reason(lines: list[str], number: int) -> bool:
    """A comment on the line itself, or above it and the imports that stand with it."""
    if "#" in lines[number - 1]:
        return True
    while lines[number - 2].lstrip().startswith(("from ", "import ")):
        number -= 1
    return lines[number - 2].lstrip().startswith("#")


def test_imports_inside_functions_are_few_and_say_why():
    found, lines = [], 0
    for path in python_files():
        source = path.read_text().splitlines()
        lines += len(source)
        inside = imports_inside_functions(path)
        found += inside
        silent = [number for number in inside if not has_reason(source, number)]
        assert not silent, (
            f"{path.relative_to(ROOT)}, lines {silent}: import at the top, or say in a comment what it saves"
        )
    assert len(found) <= lines / 1000, f"{len(found)} imports inside functions in {lines} lines"


def test_the_sdk_imports_no_server():
    for path in (ROOT / "sdk" / "src").rglob("*.py"):
        assert not imported_apps(path), f"{path} imports the server"


SDK = ROOT / "sdk" / "src"
# What an import inside a function of the SDK may be for; a comment on its line says which.
REASONS = ("start-up time", "memory", "optional", "platform")


def sdk_modules() -> dict[str, pathlib.Path]:
    found = {}
    for path in sorted(SDK.rglob("*.py")):
        parts = path.relative_to(SDK).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def sdk_imports(path: pathlib.Path) -> list[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The imports of a module, each with whether it is inside a function; those for type checkers do not count."""
    found = []

    def visit(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                found.append((child, inside))
            elif not (isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"):
                visit(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    visit(ast.parse(path.read_text()), False)
    return found


def gives_reason(path: pathlib.Path, node: ast.Import | ast.ImportFrom) -> bool:
    comment = path.read_text().splitlines()[node.lineno - 1].partition("#")[2]
    return any(reason in comment for reason in REASONS)


def imported_modules(node: ast.Import | ast.ImportFrom, known: dict[str, pathlib.Path]) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names} & set(known)
    # `from package import module` needs the module; `from module import name` the module it stands in.
    named = {f"{node.module}.{alias.name}" for alias in node.names}
    modules = named & set(known)
    return modules | ({node.module} & set(known) if modules != named else set())


def test_lazuli_does_not_import_the_facade():
    known = sdk_modules()
    for name, path in known.items():
        if name.partition(".")[0] == "lazuli":
            for node, _ in sdk_imports(path):
                names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module}
                assert not {each for each in names if each.partition(".")[0] == "azureml"}, f"{path}:{node.lineno}"
    # What mlflow loads by name must be there, and in lazuli; the backend of its projects submits, and so is of the facade.
    points = tomllib.loads((SDK.parent / "pyproject.toml").read_text())["project"]["entry-points"]
    targets = [target.partition(":")[0] for group in points.values() for target in group.values()]
    assert targets and all(target in known for target in targets)
    assert {target for target in targets if not target.startswith("lazuli.")} == {
        "azureml.mlflow._project_backend",
        "azureml.mlflow._deployment_client",
    }


def test_the_server_imports_of_the_sdk_what_architecture_lists():
    document = (ROOT / "docs" / "architecture.md").read_text()
    listed = set(re.findall(r"^\| `(lazuli[\w.]*)` \|", document, re.MULTILINE))
    nodes, known = [node for path in python_files() for node, _ in sdk_imports(path)], sdk_modules()
    assert set().union(*(imported_modules(node, known) for node in nodes)) == listed


def test_the_modules_of_the_sdk_stay_small():
    lengths = {name: len(path.read_text().splitlines()) for name, path in sdk_modules().items()}
    assert {name: length for name, length in lengths.items() if length > 600} == {}


def test_imports_inside_the_functions_of_the_sdk_are_few_and_give_a_reason():
    inside, lines = [], 0
    for path in sdk_modules().values():
        lines += len(path.read_text().splitlines())
        inside += [(path, node) for node, within in sdk_imports(path) if within]
    assert [f"{path}:{node.lineno}" for path, node in inside if not gives_reason(path, node)] == []
    assert len(inside) * 1000 <= 3 * lines


def test_no_modules_of_the_sdk_import_each_other_in_a_circle():
    known = sdk_modules()
    graph = {
        name: {
            target
            for node, within in sdk_imports(path)
            if not (within and gives_reason(path, node))
            for target in imported_modules(node, known) - {name}
        }
        for name, path in known.items()
    }
    # Raises CycleError, which names the modules.
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(known)


def test_modules_stay_small_and_honest():
    for path in python_files():
        assert len(path.read_text().splitlines()) <= 600, f"{path}: split it by noun"
        # Django takes the module of a database backend by this name.
        if path not in {ROOT / "studio" / kind / "base.py" for kind in ("postgresql", "sqlite")}:
            assert path.stem not in {"utils", "helpers", "services", "managers", "base"}, path
        for node in nodes_of(path):
            if isinstance(node, ast.ExceptHandler):
                assert not isinstance(node.type, ast.Name) or node.type.id != "Exception", (
                    f"{path}:{node.lineno}: name the error"
                )
                assert node.type is not None, f"{path}:{node.lineno}: name the error"


WRITING = {
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "update",
    "delete",
    "select_for_update",
}


@pytest.mark.parametrize("path", sorted((ROOT / "mlflow_api").glob("*.py")), ids=lambda path: path.name)
def test_mlflow_api_writes_by_verbs_of_runs_and_registry_alone(path):
    """`run.delete()` is a verb; `run.tag_rows.update(…)` and `Run.objects.create(…)` are statements, which belong to a model."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            statement = node.func.attr in WRITING and not isinstance(node.func.value, ast.Name)
            assert not statement and node.func.attr != "save", f"line {node.lineno}: make it a verb of runs or registry"
        assert not (isinstance(node, ast.ClassDef) and any(ast.unparse(b) == "models.Model" for b in node.bases))


def apps_of_url_names() -> dict[str, str]:
    """The full name of each URL, such as `runs:jobs`, with the app that it belongs to."""
    return {
        f"{resolver.namespace}:{pattern.name}": resolver.urlconf_name.__name__.partition(".")[0]
        for resolver in urlpatterns
        if isinstance(resolver, URLResolver) and hasattr(resolver.urlconf_name, "__name__")
        for pattern in resolver.url_patterns
    }


def test_no_app_names_a_url_of_an_upper_app():
    owners, found = apps_of_url_names(), set()
    assert {"workspaces:list": "workspaces", "data:list": "runs", "trash:list": "trash"}.items() <= owners.items()
    quoted = re.compile(r"""["'](\w+:\w+)["']""")
    for path in [*(ROOT / name for name in bound_files()), *(ROOT / "templates").rglob("*.html")]:
        parts = path.relative_to(ROOT / "templates" if path.suffix == ".html" else ROOT).parts
        app = "studio" if len(parts) == 1 else TEMPLATE_APPS.get(parts[0], parts[0])
        upper = APPS[APPS.index(app) + 1 :] if app in APPS else []
        if any(owners.get(name) in upper for name in quoted.findall(path.read_text())):
            found.add(str(path.relative_to(ROOT)))
    assert found == set(NAMES_UPPER_URLS)


def routes_of(patterns, prefix="/"):
    """Every route as it is written, with its view."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from routes_of(pattern.url_patterns, route)


def address_of(route: str) -> str:
    """With something plausible in each place."""
    return re.sub(r"<(?:(\w+):)?\w+>", example, route)


def pages(patterns):
    """Every page's address, as long as it is not the API's or the admin's."""
    return (address_of(route) for route, _ in routes_of(patterns))


def example(match) -> str:
    return {"slug": "aml-workspace", "int": "1", "uuid": "00000000-0000-0000-0000-000000000000"}.get(match[1], "x")


def all_pages() -> list[str]:
    found = {url for url in pages(urlpatterns) if "(?" not in url and "^" not in url}
    return sorted(url for url in found if not OWN_KEYS.match(url))


def test_there_are_pages():
    assert "/ws/aml-workspace/" in all_pages()
    assert get_resolver().url_patterns


def test_strangers_are_refused_at_every_page(db):
    client, urls = Client(), [url for url in all_pages() if url not in OPEN_PAGES]
    for method, url in itertools.product(("get", "post"), urls):
        client.cookies.clear()
        answer = getattr(client, method)(url)
        refused = answer.status_code == 302 and answer.url.startswith("/signin/")
        assert refused or answer.status_code in (404, 405), f"{method} {url} answers {answer.status_code}"


def test_those_without_a_role_get_404(workspace, mallory):
    client, urls = Client(), [url for url in all_pages() if url.startswith("/ws/")]
    client.force_login(mallory)
    for method, url in itertools.product(("get", "post"), urls):
        assert getattr(client, method)(url).status_code in (404, 405), f"{method} {url}"


def test_pages_answer_head_as_they_answer_get(workspace, mallory):
    client = Client()
    client.force_login(mallory)
    for url in all_pages():
        statuses = client.get(url).status_code, client.head(url).status_code
        assert statuses[0] == statuses[1], f"GET {url} answers {statuses[0]}, HEAD {statuses[1]}"


def api_operations():
    for path, methods in the_api.get_openapi_schema()["paths"].items():
        for method, described in methods.items():
            yield f"{method.upper()} {path}", described


def test_every_operation_asks_for_a_token_and_says_what_it_does():
    for name, described in api_operations():
        assert bool(described.get("security")) != (name in OPEN_OPERATIONS), name
        assert described.get("summary"), name


def test_the_api_refuses_those_without_a_token(db):
    client = Client()
    for name in [name for name, _ in api_operations() if name not in OPEN_OPERATIONS]:
        method, _, path = name.partition(" ")
        path = re.sub(r"\{\w*(_id|uuid)\w*\}", "00000000-0000-0000-0000-000000000000", path)
        answer = client.generic(method, re.sub(r"\{\w+\}", "x", path), b"{}", "application/json")
        assert answer.status_code == 401, (name, answer.content[:300])


def test_cookies_do_not_open_the_api(workspace):
    client = Client()
    client.force_login(factories.make_user("olga", is_superuser=True))
    assert client.get(workspace.arm_id).status_code == 401


def variables_read() -> set[str]:
    """The environment variables that the code reads by name."""
    found = set()
    for path in python_files():
        source = path.read_text()
        found |= set(re.findall(r'env\.\w+\(\s*"([A-Z][A-Z0-9_]+)"', source))
        found |= set(re.findall(r'(?:environ\.get|environ\.setdefault|getenv)\(\s*"([A-Z][A-Z0-9_]+)"', source))
        found |= set(re.findall(r'environ\["([A-Z][A-Z0-9_]+)"\]', source))
    return found


def test_every_setting_is_documented():
    document = (ROOT / "docs" / "operations.md").read_text()
    # Variables of the tools around us, not ours to document.
    others = {
        "DJANGO_SETTINGS_MODULE",
        "PATH",
        "HOME",
        "NO_COLOR",
        "COLUMNS",
        "TERM",
        "PIP_CONFIG_FILE",
        "PYTHONWARNINGS",
    }
    missing = {name for name in variables_read() - others if f"`{name}`" not in document}
    assert not missing, f"docs/operations.md has no line for {sorted(missing)}"


def test_every_object_can_be_found_in_the_administration():
    ours = [model for model in apps.get_models() if model._meta.app_label in APPS]
    assert [model._meta.label for model in ours if model not in admin.site._registry] == []


@pytest.mark.parametrize("folder", ["compute", "templates/compute"])
def test_compute_names_nothing_of_runs(folder):
    """What a unit of work stands for comes from the kinds that other apps register (compute/work_kinds.py)."""
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".html")]
    assert files
    named = re.compile(r"""\bruns[:.]\w|\bruns/|\b(from|import) runs\b|["']runs["']|\brun_token|["']run:""")
    assert [str(path.relative_to(ROOT)) for path in files if named.search(path.read_text())] == []


def test_only_one_module_asks_whether_htmx_asks():
    """The others use its functions, so that boosted and history requests are never forgotten."""
    ours = re.compile(r"request\.htmx|[\"'](HX-|HTTP_HX)|django_htmx\.(?!middleware)")
    templates = (ROOT / "templates").rglob("*.html")
    found = [path for path in [*python_files(), *templates] if ours.search(path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in found] == ["studio/htmx.py"]


# Modules that write HTML themselves, each with its reason; all other HTML is in templates.
WRITES_HTML = {
    "studio/templatetags/studio.py": "when and ticking: hundreds on a page; a template for each takes 20 µs more",
    "studio/icons.py": "the shapes of the icons, which are SVG",
    "runs/pages/lists/columns.py": "the cells of a list: even one template for a whole row makes a page of 100 rows 25 % slower",
    "runs/pages/compare/table_rows.py": "the cells of a comparison: thousands on a page",
    "runs/pages/compare/metrics_tab.py": "the cells of a comparison: thousands on a page",
    "runs/pages/compare/word_diff.py": "marks inside lines that Pygments has coloured",
    "runs/pages/compare/diffs.py": "lines that Pygments has coloured",
    "runs/files/highlighting.py": "a file that Pygments has coloured",
    "runs/files/notebooks.py": "outputs of a notebook, cleaned",
    "studio/markdown.py": "a person's Markdown, cleaned",
    # Plotly hides the name of a curve by an empty <extra>, and breaks lines by <br>; no browser reads these as HTML.
    "runs/pages/compare/plots.py": "Plotly's hover texts, in its own markup",
    "runs/charts/figures.py": "Plotly's hover texts, in its own markup",
    "runs/charts/artifact_charts.py": "Plotly's hover texts, in its own markup",
}
HTML_TAG = re.compile(
    r"(?<!\?P)(?<!/)</?(a|b|br|code|div|em|extra|html|i|li|mark|meta|p|path|pre|small|span|strong|svg|table|td|th|time|tr|ul)(\s[^<]*)?/?>"
)


def texts_of(path: pathlib.Path):
    """The texts of a module, without its docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.value


def test_html_is_in_templates():
    found = set()
    for path in python_files():
        if "mark_safe(" in path.read_text() or any(map(HTML_TAG.search, texts_of(path))):
            found.add(str(path.relative_to(ROOT)))
    assert found == set(WRITES_HTML)


def test_lines_of_templates_fit_a_screen():
    for path in sorted([*(ROOT / "templates").rglob("*.html"), *ROOT.glob("*/templates/**/*.html")]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 120, f"{path}:{number} has {len(line)} characters"


def test_no_two_classes_share_a_name():
    """A resource has Azure's name, which the table of its app may have too."""
    found = collections.defaultdict(list)
    for path in python_files():
        # Django finds the class of a command by its name, and that of a database backend.
        if "commands" not in path.parts:
            for node in nodes_of(path)[0].body:
                if isinstance(node, ast.ClassDef) and node.name != "DatabaseWrapper":
                    found[node.name].append(path.relative_to(ROOT))
    shared = {name: sorted(map(str, paths)) for name, paths in found.items() if len(paths) > 1}
    for name, paths in found.items():
        if (
            len({path.parts[0] for path in paths}) == 1
            and len(paths) == 2
            and "resources.py" in {p.name for p in paths}
        ):
            shared.pop(name)
    assert shared == {}


def all_subclasses(kind: type) -> set[type]:
    return {kind}.union(*map(all_subclasses, kind.__subclasses__()))


def has_rule(field: pydantic.fields.FieldInfo) -> bool:
    """`Annotated[str, RULE]`, or that `| None`."""
    parts = typing.get_args(field.annotation)
    marks = [*field.metadata, *(mark for part in parts for mark in getattr(part, "__metadata__", ()))]
    return any(isinstance(mark, Rule) for mark in marks)


def test_a_page_has_a_rule_for_each_field_that_has_one_in_a_request():
    in_requests = {
        (body.__module__.split(".")[0], name)
        for body in all_subclasses(pydantic.BaseModel)
        for name, field in body.model_fields.items()
        if has_rule(field)
    }
    without, checked = [], 0
    for form in all_subclasses(forms.BaseForm):
        for name, field in getattr(form, "base_fields", {}).items():
            if (form.__module__.split(".")[0], wire_name(name.replace("_", " "))) in in_requests:
                checked += 1
                # A rule that depends on another field is called by a method of the form.
                if not hasattr(field, "rule") and not hasattr(form, f"clean_{name}"):
                    without.append(f"{form.__module__}.{form.__name__}.{name}")
    assert checked > 50 and without == []
