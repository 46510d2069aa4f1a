"""Write the table of docs/sdk.md: what of SDK v1's documented surface the SDK offers.

    python docs/generate_sdk_table.py            write the table
    python docs/generate_sdk_table.py --check    fail if the page is out of date

The surface stands in docs/sdk_surface.csv: module, class, member, kind and parameter names. A member counts as covered if
it is there with all its parameters and does more than raise `NotAvailable`.
"""

import ast
import csv
import importlib
import inspect
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE / "sdk.md"
SURFACE = HERE / "sdk_surface.csv"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def surface() -> dict[tuple[str, str], list[dict]]:
    """The documented members by (module, class)."""
    classes = defaultdict(list)
    with SURFACE.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            classes[row["module"], row["class"]].append(row)
    return dict(classes)


def find(module: str, name: str):
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def uncovered(cls, member: dict) -> str | None:
    """Why a member does not count, or None if it does."""
    from azureml._absent import is_placeholder

    if cls is None or is_placeholder(cls):
        return "class"
    found = inspect.getattr_static(cls, member["member"], None)
    if found is None:
        # What is set in the constructor, as many sections of a run configuration do, is no attribute of the class.
        return "member" if member["kind"] != "property" or not sets_in_constructor(cls, member["member"]) else None
    if only_refuses(found):
        return "service"
    return "parameters" if lacks_parameters(cls, member) else None


def sets_in_constructor(cls, name: str) -> bool:
    return any(f"self.{name}" in source_of(base.__dict__.get("__init__")) for base in cls.__mro__)


def only_refuses(found) -> bool:
    """Is `raise NotAvailable(…)` all that it does?"""
    function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    source = source_of(function)
    if "NotAvailable" not in source:
        return False
    body = ast.parse(textwrap.dedent(source)).body[0].body
    statements = [part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    return len(statements) == 1 and isinstance(statements[0], ast.Raise)


def source_of(function) -> str:
    return inspect.getsource(function) if inspect.isfunction(function) else ""


def lacks_parameters(cls, member: dict) -> bool:
    if member["kind"] == "property":
        return False
    try:
        ours = inspect.signature(getattr(cls, member["member"])).parameters
    except (TypeError, ValueError):
        return False
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in ours.values())
    return not takes_any and not set(member["parameters"].split()) <= set(ours)


def rows() -> list[tuple[str, str, int, int, list[str]]]:
    """module, class, covered, total and the names that are missing."""
    found = []
    for (module, name), members in surface().items():
        cls = find(module, name)
        missing = [member["member"] for member in members if uncovered(cls, member)]
        found.append((module, name, len(members) - len(missing), len(members), missing))
    return found


def table() -> str:
    everything = rows()
    complete = sum(covered == total for _, _, covered, total, _ in everything)
    covered, total = sum(row[2] for row in everything), sum(row[3] for row in everything)
    lines = [
        f"{complete} of {len(everything)} documented classes are complete; {covered} of {total} members are available.\n",
        "| module | class | members | missing |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{module}` | `{name}` | {have} / {of} | {', '.join(f'`{member}`' for member in missing) or 'nothing'} |"
        for module, name, have, of, missing in everything
        if have
    ]
    return "\n".join(lines) + "\n\n" + absent(everything)


def absent(everything) -> str:
    from azureml._absent_table import TABLE

    services = defaultdict(lambda: [0, 0])
    for module, name, have, of, _ in everything:
        if not have and module in TABLE and name in TABLE[module][1].split():
            services[TABLE[module][0]][0] += 1
            services[TABLE[module][0]][1] += of
    lines = [
        "The classes of these services can be imported; when they are used, they raise an error that names the missing service:\n",
        "| service | classes | members |",
        "|---|---|---|",
    ]
    lines += [f"| {service} | {classes} | {members} |" for service, (classes, members) in sorted(services.items())]
    return "\n".join(lines) + "\n"


def page() -> str:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def main() -> int:
    wanted = page()
    if "--check" in sys.argv:
        if wanted == PAGE.read_text(encoding="utf-8"):
            return 0
        print("docs/sdk.md is out of date; run python docs/generate_sdk_table.py", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
