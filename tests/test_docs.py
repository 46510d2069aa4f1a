"""What the documentation names is there."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md")]
# A path in backquotes: `runs/tasks.py`, `static/js/charts.js`, `runs/pages/run/`.
NAMED = re.compile(r"`((?:[\w.-]+/)+(?:[\w-]+\.\w+)?)(?: [^`]*)?`")
TOP = {path.name for path in ROOT.iterdir() if path.is_dir()}
# Pages for somebody who uses the SDK.
EXAMPLES = {"experiment/train.py"}


def named_paths(page: pathlib.Path) -> set[str]:
    """Those that begin with a folder of ours, and all modules, so that one of a folder that was removed is found."""
    found = set(NAMED.findall(page.read_text())) - EXAMPLES
    return {path for path in found if path.endswith(".py") or path.partition("/")[0] in TOP}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    folders = [ROOT, ROOT / "sdk/src", ROOT / "sdk/src/lazuli", ROOT / "templates"]
    assert [path for path in sorted(named_paths(page)) if not any((folder / path).exists() for folder in folders)] == []


def test_paths_are_found_in_the_text():
    assert {"runs/submission.py", "runs/pages/run/", "sdk/src/lazuli/agent/host.py"} <= named_paths(
        ROOT / "docs/architecture.md"
    )


def test_every_page_stands_in_the_navigation():
    text = re.search(r"^nav:\n((?:  .*\n?)+)", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)[0]
    listed = set(re.findall(r"[\w-]+\.md", str(yaml.safe_load(text))))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}


EXCERPT = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)


def excerpts() -> list[tuple[str, str, str]]:
    """The pieces of code of each page whose title is a file."""
    return [(page.name, *found) for page in PAGES for found in EXCERPT.findall(page.read_text())]


@pytest.mark.parametrize(("page", "path", "excerpt"), excerpts())
def test_excerpts_are_what_the_file_says(page, path, excerpt):
    """Line by line and in this order; `# …` stands for what is left out."""
    lines = (ROOT / path).read_text().splitlines()
    for line in excerpt.splitlines():
        if line.strip() not in ("", "# …"):
            assert line in lines, f"{page} quotes {path}, which has no line {line!r}"
            lines = lines[lines.index(line) + 1 :]


BLOCK = re.compile(r"^```(?:sh|js|python)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What a statement has and a sentence has not, after the mark of a comment.
SWALLOWED = re.compile(r"(?:^|\s)(?://|#) .*(?:\bexport \w+=|\) => |\);|\bconst \w+ = )", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_comment_swallows_a_statement(page):
    """As happens when a block of code is wrapped like a paragraph."""
    found = [line for block in BLOCK.findall(page.read_text()) for line in SWALLOWED.findall(block)]
    assert found == []


def test_the_recipe_quotes_the_code():
    assert len([page for page, _, _ in excerpts() if page == "add_a_resource.md"]) >= 6


def test_each_line_of_the_rules_of_security_names_a_test_that_is_there():
    text = (ROOT / "docs" / "security.md").read_text().partition("## The rules and their tests")[2]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and not line.startswith("| rule")]
    assert len(rows) == 14
    for _, here, tests in rows:
        assert find_named_tests(tests), here


def test_each_requirement_of_asvs_has_a_test_or_the_reason_why_not():
    text = (ROOT / "docs" / "asvs.md").read_text()
    requirements, _, rest = text.partition("## What does not apply")
    rows = [line.strip("| ").split(" | ") for line in requirements.splitlines() if re.match(r"\| \d", line)]
    others = re.findall(r"\d+\.\d+\.\d+", rest)
    assert len({number for number, *_ in rows} | set(others)) == len(rows) + len(others) == 253
    kinds = {"Documentation.": 0, "No test: ": 0, "Not met": 0, "": 0}
    for number, asks, _, shown in rows:
        assert len(asks.split()) <= 12, number
        kind = next(kind for kind in kinds if shown.startswith(kind))
        kinds[kind] += 1
        assert find_named_tests(shown) or kind, number
    documented, untested, missing, tested = kinds.values()
    for words in (
        f"{tested} are met and shown by tests, {documented} by documentation, {untested} have no test",
        f"{missing} are not met or only in part, and {len(others)} do not apply",
    ):
        assert words in text


def test_each_promise_of_reliability_names_tests_that_are_there():
    text = (ROOT / "docs" / "reliability.md").read_text().partition("## Promises and their tests")[2]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| P")]
    assert len(rows) >= 29
    for number, _, tests in rows:
        assert find_named_tests(tests), number


def find_named_tests(text: str) -> list[tuple[str, str]]:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    for file, name in named:
        assert f"def test_{name}(" in (ROOT / file).read_text(), (file, name)
    return named
