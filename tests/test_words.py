"""Plain words: names in the field's terms, and no sentence that a reader has to read twice.

A word that had to be explained is listed here with the word to use, so that it does not come back.
"""

import ast
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Parts of names in code.
NAMES = {
    "told": "the noun for what it is, e.g. response or totals",
    "asked": "requested, options or query",
    "most": "max",
    "least": "min",
    "place": "index, position or path",
    "places": "indexes, positions or paths",
    "room": "workspace or space",
    "rooms": "workspaces",
    "tidy": "the verb for what it does",
    "truth": "bool",
    "sketch": "downsampled",
    "stretch": "span, range or part",
    "door": "connection, route",
    "doorbell": "notification",
    "hearing": "liveness",
    "anew": "again or redrawn",
}
# In texts, comments and documents.
PHRASES = {
    r"for ever\b": "permanently",
    r"\blets? go of\b": "removes, releases",
    r"\bbears?\b (?!bee)": "has, contains",
    r"\bit is said where\b": "the message says where",
    r"\bhears? (of|so)\b": "learns of",
    r"\bAs the system\b": "System",
    r"\bOn from now\b": "Turn on",
    r"\bin the trash since then\b": "moved to the trash on",
    r"\bSomething is not right\b": "what is wrong",
    r"\bseriess\b|\bbatchs\b": "the right plural",
    r"\bsigns? of life\b": "heartbeat",
    r"\banew\b": "again",
    r"\b[Ww]hoever\b": "people who, any client",
    r"\bshall\b": "should, or the present tense",
    r"\bamid\b": "in the middle of",
    r"\b(goes|went) on\b": "continues",
    r"\btaken for lost\b": "counts as lost",
    r"\bNot well\b": "Problems",
    r"\bcarried out once\b": "processed once",
    r"\b(is|are) said (here|at|first|instead)\b|\b[Ii]t is said\b|\bwhich is said\b|, and said\b": "a message says, a warning names",
    r"\bfor good\b(?! in)": "permanently",
    r'^\s*"""(Of|By the button|What|Those|Who has|Whom|Whose)\b': "an imperative or a noun: what it does or returns",
    r"^\s*# (Of|Whom|Whose) ": "a sentence or a noun: what it is",
    r"\bwill stand here\b": "are listed here",
    r"\b[Ff]iles that nothing names\b": "unused files",
    r'empty_state "(Nobody|Nothing (runs|waits|was|matches)) ': "No people, No jobs",
    r"BEGIN_ANEW": "START_OVER",
    r"\btakes? no more work\b": "accepts no more jobs",
    r"\bcame by it\b": "signed in with it",
    r"\bstands? in for\b": "replaces",
    r"\bstands in the activity log\b": "the activity log records",
    r"\bopens nothing\b": "does not work",
    r"(?<!There )\bis no (text|file|notebook)\b": "is not a file",
    r"\bhas not the\b|\bhave not the\b": "does not have the",
    r">Acts<": "Actions",
    r"\bunder way\b": "in progress",
    r"(?<!here )\bis no (number|header|kind|hash|name|bound|Python)\b": "is not a",
    r"\b(studio|server|database) is away\b": "is unreachable",
    r"\b(`act`|button) says which\b": "depending on",
    r"\btakes? and answers?\b": "request and response classes",
    r"\bwho one is\b|\bgives? power\b": "confirm access, change permissions",
    r"\bfor want of\b": "because it ran out of",
    r"\bmend(s|ed|ing)?\b": "corrects, repairs",
    r"\bleft of interrupted\b": "left over from interrupted",
    r"\bwhat somebody may do\b": "permissions",
    r"\bnot what the page showed\b": "has changed since the page was opened",
    r"\bChecks? again who\b|\bShow that it is you\b": "Confirm access",
}


def tracked(*patterns: str, with_tests: bool = False) -> list[str]:
    found = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    skipped = ["/migrations/", "/vendor/", "package-lock", "uv.lock", *([] if with_tests else ["tests/"])]
    return [path for path in found.stdout.splitlines() if not any(part in path for part in skipped)]


def defined_names(tree: ast.AST):
    """The names of functions, classes, arguments and variables, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def words_of(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def test_names_are_cut_into_words():
    assert words_of("LinesAsked") == ["lines", "asked"] and words_of("MOST_ROWS") == ["most", "rows"]
    assert words_of("_almost_there") == ["almost", "there"]


def test_names_use_the_terms_of_the_field():
    found = []
    for path in tracked("*.py", with_tests=True):
        for name, line in defined_names(ast.parse((ROOT / path).read_text())):
            # The name of a test is a sentence, in which "in place" and "at most" are plain English.
            words = [] if name.startswith("test_") else words_of(name)
            found += [f"{path}:{line} {name}: use {NAMES[word]}" for word in words if word in NAMES]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("phrase", PHRASES)
def test_texts_are_in_plain_english(phrase):
    found = []
    for path in tracked("*.py", "*.html", "*.js", "*.css", "*.md"):
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            if re.search(phrase, line):
                found.append(f"{path}:{number} {line.strip()[:100]}: use {PHRASES[phrase]}")
    assert not found, "\n".join(found)
