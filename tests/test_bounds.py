"""However much is asked for at once: a refusal that says the limit, or a note that says what is left out, and soon."""

import importlib
import json
import re
import time

import pytest
from azureml.exceptions import UserErrorException
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from lazuli.environments.cache import BuildFailed
from lazuli.environments.requirements import requirements_from_conda
from lazuli.runs.ignore_rules import IgnoreRules

from assets import environments
from runs import metrics
from runs.charts import artifact_charts
from runs.files import highlighting, previews
from runs.models import Artifact, Run, RunTag
from runs.pages.compare import diffs, logs_tab
from studio import numbers, statement_limit, storage
from studio.errors import Invalid
from studio.markdown import render_markdown, strip_markdown
from studio.search.grammar import parse_filter, parse_orders
from studio.words import split_words
from tests import factories

# Generous, for a machine that is busy with other tests.
SOON = 4
WORKSPACE_PATH = "/subscriptions/sub-1/resourceGroups/aml-resources/providers/Microsoft.MachineLearningServices/workspaces/aml-workspace"
H = f"/history/v1.0{WORKSPACE_PATH}"
WORDS = "a+" * 3000
CLAUSES = "+and+".join(["name+=+'a'"] * 101)
DIGITS = "9" * 5000


@pytest.fixture
def world(workspace, owner, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    run = factories.make_run(workspace, experiment=factories.make_experiment(workspace, "exp"), run_id="r1")
    factories.make_run(workspace, experiment=run.experiment, run_id="r2")
    factories.make_target(workspace, "cpu-cluster")
    return run


@pytest.fixture
def browser(world, owner):
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.fixture
def tool(world, owner):
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {factories.make_token(owner)}"})


def soon(act):
    begun = time.thread_time()
    found = act()
    assert time.thread_time() - begun < SOON
    return found


# Address, and a word of the refusal.
JOBS, COMPARE = "/ws/aml-workspace/jobs/", "/ws/aml-workspace/compare/?runs=r1,r2&"
PAGES = [
    (f"/?q={WORDS}", "200 are allowed"),
    (f"/?q={'a+' * 50}", "10 are allowed"),
    (f"/palette/?q={WORDS}", "200 are allowed"),
    (f"/palette/?q={'a+' * 20}", "10 are allowed"),
    (f"{JOBS}?q={WORDS}", "200 characters"),
    (f"{JOBS}?q={'a+' * 20}", "10 are allowed"),
    (f"{JOBS}?filter={CLAUSES}", "100 conditions"),
    (f"{JOBS}?filter=number+>+{DIGITS[:2000]}", "larger than any number"),
    (f"{JOBS}?filter=name+~+'{'a' * 1001}'", "1000 are allowed"),
    (f"{JOBS}?col=metric-{'x' * 400}", "300 characters"),
    (f"{JOBS}?{'&'.join(f'col=metric-{n:0200}' for n in range(50))}", "8000 are allowed"),
    (f"{JOBS}?{'&'.join(f'sort=metric-{n}' for n in range(6))}", "5 are allowed"),
    ("/ws/aml-workspace/experiments/?q=" + "a+" * 20, "10 are allowed"),
    ("/ws/aml-workspace/compute/?q=" + "a+" * 20, "10 are allowed"),
    (f"{COMPARE}q={'a+' * 20}", "10 are allowed"),
    (f"{COMPARE}page={DIGITS}", "whole number"),
    (f"{COMPARE}{'&'.join(f'show={n:0900}' for n in range(60))}", "20000 are allowed"),
    (f"/ws/aml-workspace/compare/find/?find={'a+' * 20}", "10 are allowed"),
    (f"/ws/aml-workspace/compare/curve/?runs=r1,r2&name=x&from=1&to={DIGITS}", "two numbers"),
    (f"/ws/aml-workspace/runs/r1/metrics/data/?after={DIGITS}:1", "whole number"),
    (f"/admin/rows/runs/run/?q={'word+' * 1200}", "200 are allowed"),
    ("/admin/rows/runs/run/?display_name__regex=(a%2B)%2B$", "patterns"),
    (f"/admin/rows/autocomplete/?term={'a+' * 20}", "10 are allowed"),
]
IGNORED = [
    address
    for address, _ in PAGES
    if address.startswith(
        (
            *(f"{JOBS}?q=", f"{JOBS}?col=metric-x", f"{JOBS}?sort=", "/ws/aml-workspace/experiments/"),
            *(f"{COMPARE}q=", f"{COMPARE}page="),
        )
    )
]


@pytest.mark.parametrize(("address", "word"), PAGES, ids=[page[0][:45] for page in PAGES])
def test_a_page_says_the_limit(browser, address, word):
    answer = soon(lambda: browser.get(address))
    text = answer.content.decode()
    # A list ignores a wrong value of its address, and says so.
    assert answer.status_code == (200 if address in IGNORED else 400) and word in text, text[-3000:]


TOOLS = [
    (f"{H}/runs?filter={CLAUSES}", "100 conditions"),
    (f"{H}/runs?filter=number+>+{DIGITS}", "larger than any number"),
    (f"{H}/runs?{'&'.join(f'tag=t{n}:x' for n in range(100))}", "20 are allowed"),
    (f"{H}/runs?$top={DIGITS}", "whole number"),
    (f"{H}/runs?$skiptoken=١٢", "whole number"),
    (f"{WORKSPACE_PATH}/jobs/{'x' * 3000}", "no"),
]


@pytest.mark.parametrize(("address", "word"), TOOLS, ids=[tool[0].rpartition("/")[2][:30] for tool in TOOLS])
def test_the_api_says_the_limit(tool, address, word):
    answer = soon(lambda: tool.get(address))
    assert 400 <= answer.status_code < 500 and word in answer.json()["error"]["message"]


def test_a_range_of_many_digits_is_refused_on_pages_too(browser, world):
    file = Artifact.objects.create(run=world, path="a.txt", size=0, content_type="text/plain")
    for value in (f"bytes={DIGITS}-", f"bytes=0-{DIGITS}"):
        answer = browser.get(f"/ws/aml-workspace/runs/r1/file/?path={file.path}", headers={"Range": value})
        assert answer.status_code == 400 and DIGITS[:1000].encode() not in answer.content


def test_the_bounds_that_are_documented_are_those_that_hold():
    document = (settings.BASE_DIR / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| ([\d,.]+) \| .+ \| `([\w.]+)\.(\w+)` \|$", document, re.M)
    assert len(rows) > 40
    for value, module, constant in rows:
        assert f"{getattr(importlib.import_module(module), constant):,}" == value, constant


# ---- numbers


@pytest.mark.parametrize(
    "text", ["", " ", "²", "١", "1_000", "1.5", "--1", "0x1", DIGITS, str(2**63), "9" * 20, "１", "1e3", "\n1"]
)
def test_no_whole_number(text):
    assert numbers.int_or_none(text) is None
    with pytest.raises(Invalid, match=r"x=.*write a whole number from 0 to 9"):
        numbers.parse_int(text, "x", max_value=9)


def test_numbers_at_their_bounds():
    for number in (0, -5, 2**63 - 1, -(2**63)):
        assert numbers.int_or_none(str(number)) == number
    assert numbers.int_or_none("+007") == 7 and numbers.float_or_none(" -1.5e-3 ") == -0.0015
    assert numbers.float_or_none(".5") == 0.5 and numbers.float_or_none("5.") == 5
    assert {numbers.float_or_none(text) for text in ("1e999", DIGITS, "nan", "inf", "1_0", "", ".", "١")} == {None}


# ---- parsers


@pytest.mark.parametrize(
    ("act", "word"),
    [
        (lambda: split_words("a " * 11), "10 are allowed"),
        (lambda: parse_filter("x = 1 or " * 2000), "10000 are allowed"),
        (lambda: parse_filter("not " * 60 + "a = 1"), "50 parentheses"),
        (lambda: parse_filter("a in (" + "1," * 4000 + "1)" + " and b = 1" * 101), "100 conditions"),
        (lambda: parse_orders(["metrics.a"] * 1000), "20 are allowed"),
        (lambda: parse_orders(["a" * 1001]), "1000 are allowed"),
        (lambda: environments.read_conda("dependencies:\n" + "- a\n" * 60_000), "5000 values"),
        (lambda: environments.read_conda("dependencies:\n" + "- a\n" * 1001), "1000 packages"),
        (lambda: environments.read_conda(f"dependencies: [{'a' * 1001}]"), "1000 characters"),
        (lambda: environments.check_definition({"python": {"condaDependencies": {"dependencies": ["a"] * 1001}}}), "1000 packages"),
    ],
)  # fmt: skip
def test_a_parser_says_the_limit(act, word):
    with pytest.raises(Invalid, match=word):
        soon(act)


@pytest.mark.parametrize(
    "structure", [{"dependencies": ["a"] * 60_000}, {"dependencies": [{"pip": ["a"] * 60_000}]}, {"dependencies": ["a" * 60_000]}]
)  # fmt: skip
def test_an_environment_of_very_many_packages_is_not_built(structure):
    with pytest.raises(BuildFailed, match="1000"):
        soon(lambda: requirements_from_conda(structure))


@pytest.mark.parametrize(
    "pattern", ["*a" * 50 + "*b", "**/a/" * 100 + "b", "*" * 900, "[a-z]*" * 150 + "9", "?*" * 400 + "b", "a**" * 300 + "b"]
)  # fmt: skip
def test_an_ignore_pattern_takes_few_steps(pattern):
    rules = IgnoreRules(pattern)
    soon(lambda: [rules.ignores(path, False) for path in ("a" * 250, "a/" * 120 + "c") for _ in range(100)])


def test_an_ignore_file_says_its_limits():
    for text, word in (("a\n" + "*" * 1001, "Line 2"), ("x\n" * 2001, "2000 are allowed")):
        with pytest.raises(UserErrorException, match=word):
            IgnoreRules(text)


# ---- what is shown

WIDE = "\n".join("a b " * 240 for _ in range(520))
DIFFS = {
    "long lines": (WIDE, WIDE.replace("a b a", "b a a"), ""),
    "alike lines": ("\n".join(str(n % 200) for n in range(19_000)), "\n".join(str(n % 199) for n in range(19_000)), "too large to compare completely"),
    "too many lines": ("\n" * 20_001, "a", "too large to compare line by line"),
    "one line": ("&" * 500_000, "<" * 500_000, ""),
    "many words": ("\n".join("ab " * 330 for _ in range(500)), "\n".join("ba " * 330 for _ in range(500)), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFS)
def test_a_comparison_keeps_its_budget(name):
    old, new, word = DIFFS[name]
    for view in (diffs.build_split, diffs.build_unified):
        found = soon(lambda view=view: view(old, new, "x.py", whole=True))
        assert word in found.get("problem", "") + found.get("note", "")
        html = sum(len(row.left.html) + len(row.right.html) for row in found.get("rows", []))
        assert html <= diffs.MAX_HTML_LENGTH


def test_logs_that_are_alike_everywhere_keep_their_budget():
    lines = [str(n % 3) for n in range(logs_tab.MAX_LINES)]
    assert len(soon(lambda: logs_tab.mark_new_lines([*lines[::-1], "x"], lines))) == len(lines)


@pytest.mark.parametrize("name", ["x.java", "x.c", "x.js", "x.py", "x.sql", "x.json", "x.md", "x.yml"])
@pytest.mark.parametrize("piece", ["\n", "<a ", "(", "\\", '"', "{{", "a:\n"])
def test_colours_keep_their_budget(name, piece):
    text = (piece * 1900 + "\n") * 20 if piece.strip() else piece * 10_000
    soon(lambda: highlighting.highlight_code(text, name, {}))


PREVIEWS = {
    "x.json": b"[" + b"0," * 250_000 + b"0]",
    "y.json": b"[" * 100_000,
    "z.json": b"[" * 400 + b"1," * 100_000,
    "x.md": b"![" * 200_000,
    "x.py": b"(" * 400_000,
    "x.csv": b"a," * 200_000,
    "y.csv": b'"' + b"a" * 400_000,
    "x": b"<" * 500_000,
}


@pytest.mark.parametrize("path", PREVIEWS)
def test_a_preview_is_no_larger_than_what_it_shows(path):
    data = PREVIEWS[path]
    found = soon(lambda: previews.make_preview(path, "", len(data), lambda length: data[:length]))
    assert len(found.html) + len(found.text) + sum(map(len, found.rows)) < 8 * len(data) + 10_000


def test_a_file_that_is_too_large_to_show_in_place_says_so():
    for path, kind in (("x.png", "image/png"), ("x.html", "text/html")):
        found = previews.make_preview(path, kind, 21 * 2**20, lambda length: b"")
        assert found.kind == "none" and "20 MB" in found.note


def test_markdown_beyond_its_limit_is_shown_as_it_is():
    assert soon(lambda: render_markdown("![" * 9_000)).startswith("<p>")
    assert render_markdown("![" * 20_000).startswith("<pre>")
    assert soon(lambda: strip_markdown("![" * 20_000)).startswith("![![")


def test_a_chart_of_a_file_says_its_limit():
    many = [str(n) for n in range(500)]
    cases = [
        ("confusion_matrix", {"class_labels": many, "matrix": [[0] * 500] * 500}, "100 are drawn"),
        ("residuals", {"bin_edges": list(range(200_000)), "bin_counts": [1]}, "are drawn"),
        ("residuals", {"bin_edges": [10**400, 1], "bin_counts": [1]}, "another shape"),
    ]
    for kind, data, word in cases:
        with pytest.raises(ValueError, match=word):
            artifact_charts.draw_artifact(kind, {"data": data})


def test_a_tree_of_very_many_files_shows_the_first(browser, world):
    rows = [Artifact(run=world, path=f"outputs/{n:05}.bin", size=0, content_type="x/y") for n in range(2_500)]
    Artifact.objects.bulk_create(rows)
    answer = soon(lambda: browser.get("/ws/aml-workspace/runs/r1/logs/?path=outputs/02400.bin"))
    text = answer.content.decode()
    assert answer.status_code == 200 and "and 500 more files" in text and "outputs/02400.bin" in text
    assert "2,500 files" in text and len(text) < 2_000_000


def test_a_job_of_megabytes_is_shown_in_part(browser, world):
    Run.objects.filter(pk=world.pk).update(job={"command": "x" * 3_000_000})
    text = browser.get("/ws/aml-workspace/runs/r1/json/").content.decode()
    assert "more characters are not shown" in text and len(text) < 2_000_000


def test_the_images_of_one_name_are_on_a_page(browser, world):
    for name in ("first", "second"):
        points = [{"name": name, "kind": "image", "step": n, "value": f"{name}/{n}.png"} for n in range(30)]
        metrics.store_batch(world, name, points)
    text = browser.get("/ws/aml-workspace/runs/r1/images/?image=second/7.png").content.decode()
    assert "second/8.png" in text and "first%2F29.png" in text and "first/8.png" not in text


def test_what_an_address_does_not_mean_is_in_no_link(browser):
    text = browser.get(f"{JOBS}?junk={'x' * 20_000}").content.decode()
    # The page's own address may be there, as where a form leads back to.
    assert text.count("x" * 20_000) <= 3


# ---- statements


SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
if connection.vendor == "postgresql":
    SLOW = "SELECT pg_sleep(60)"


@pytest.fixture
def short_statement_limit(monkeypatch):
    monkeypatch.setattr(statement_limit, "SECONDS", 0.2)
    monkeypatch.setattr(connection, "prepared", None, raising=False)
    yield
    monkeypatch.undo()
    connection.prepared = None
    if connection.vendor == "postgresql":
        connection.connection.execute("RESET statement_timeout")


def slow(*args, **kwargs):
    # A savepoint, for PostgreSQL answers nothing more in the transaction around the test once a statement was stopped.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SLOW)
        return cursor.fetchall()


def test_a_slow_statement_of_a_page_is_stopped(browser, short_statement_limit, monkeypatch):
    monkeypatch.setattr("workspaces.search.match_workspaces", slow)
    answer = soon(lambda: browser.get("/"))
    assert answer.status_code == 400 and "Request less" in answer.content.decode()


def test_a_slow_statement_of_the_api_is_stopped(tool, short_statement_limit, monkeypatch):
    monkeypatch.setattr("runs.api.resources.Run.of", slow)
    answer = soon(lambda: tool.get(f"{H}/runs/r1"))
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "TooSlow"


def test_a_slow_statement_of_mlflow_is_stopped(tool, short_statement_limit, monkeypatch):
    monkeypatch.setattr("mlflow_api.run_messages.messages_of", slow)
    answer = soon(lambda: tool.get(f"/mlflow/v1.0{WORKSPACE_PATH}/api/2.0/mlflow/runs/get?run_id=r1"))
    assert answer.status_code == 400 and "Request less" in json.loads(answer.content)["message"]


def test_rows_that_come_slowly_are_stopped_too(browser, short_statement_limit, monkeypatch):
    """SQLite makes rows while they are fetched, when the statement itself has long begun."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has made all rows before the first is fetched")

    def rows(*args):
        with connection.cursor() as cursor:
            cursor.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
            return [row for row in cursor if row[0] < 0]

    monkeypatch.setattr("workspaces.search.match_workspaces", rows)
    assert soon(lambda: browser.get("/")).status_code == 400


def test_outside_of_requests_there_is_no_limit(db, short_statement_limit):
    with statement_limit.limit_statements():
        RunTag.objects.count()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(SLOW.replace("FROM n)", "FROM n WHERE i < 3000000)"))
            assert cursor.fetchone() == (3_000_000,)
