"""docs/growth.md and its picture, from what bench/growth.py has measured."""

import json
import math
import os
import platform

from servers import MB, ROOT

# ms of a request, and the share of its rate that logging keeps.
TARGET, KEPT = 200, 0.8
# What the curves show, and how.
CURVES = {
    "page: the newest jobs of an experiment": ("page of an experiment", "#0f6cbd"),
    "page: sorted by a metric": ("sorted by a metric", "#c4314b"),
    "page: a job": ("page of a job", "#107c41"),
    "search: filter and order by a metric": ("search by a metric", "#8764b8"),
    "log 1,000 points": ("log 1,000 points", "#ca5010"),
    "log 1 point": ("log 1 point", "#038387"),
}
WIDTH, HEIGHT, LEFT, TOP = 400, 260, 40, 34
LOWEST, HIGHEST, FEWEST = 0.5, 1000, 1_000
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}.grid{stroke:#ddd}.target{stroke:#888;stroke-dasharray:4 4}"
    "@media (prefers-color-scheme:dark){text{fill:#bbb}.grid{stroke:#333}}"
)
REST = {
    "purge of 1,000 jobs: ms of processor time": lambda found: number(found["purge ms"]),
    "purge of 1,000 jobs: s": lambda found: number(found["purge seconds"]),
    "background tasks without work: ms of processor time a minute": lambda found: (
        number(sum(found["tasks"].values())) if found["tasks"] else "–"
    ),
    "backup: s": lambda found: number(found["backup seconds"]),
    "backup: MB": lambda found: number(found["backup bytes"] / MB),
    "database: MB": lambda found: number(found["bytes"] / MB),
    "start until the first page: s": lambda found: number(found["start seconds"]),
    "memory of all processes after the start: MB": lambda found: number(found["memory"]),
}
WHY = """## How it is measured

- Each studio has one experiment with all its jobs, each with 5 metrics of 20 points, 5 parameters and 2 tags, created by SQL (`bench/fill.py`). Requests are answered in the
  measuring process, without caches from earlier ones; the figures are the median processor time of nine, in ms, including the database.
- Logging is measured through MLflow's API, 100 requests of each kind, in the same studio before and after it is filled. Other programs on the machine change these shares by up
  to a half, in either direction.
- A purge deletes 1,000 jobs permanently; for a whole studio, multiply by the number of thousands. For the purge, the backup and the start there is also the elapsed time in
  seconds, which includes whatever else the machine did.

## What grows, and why

- 100,000 jobs and more on PostgreSQL have not been measured yet; `make bench-growth ARGS="PostgreSQL 100000"` adds a column. The studio with a million jobs was measured while
  other programs used both cores, which lowers the shares of logging, and before 13 indexes of jobs and points were dropped.
- Every list of jobs counts their states in an index of all jobs, and a filter also counts what it finds, so both grow with the number of jobs. Filters by a metric or by two
  parameters grow most and are the first to miss the target. The rows of a list, a job's own pages, charts and searches use indexes.
- Creating a job on SQLite writes to one page of each index while the studio is tiny, and to several once the indexes have grown, which they have at 1,000 jobs. Points are only
  appended.
- Background tasks that run every five seconds read only active and recent jobs. Merging the points of ended jobs (every ten minutes) reads all metrics, and finding workspaces
  whose trash is old (every hour) reads all jobs.
- The start reads no jobs, unless a new version has to change their tables.
"""


def write(results: dict[str, dict[str, dict]]) -> None:
    (ROOT / "docs" / "growth.md").write_text(page(results))
    (ROOT / "docs" / "img" / "growth.svg").write_text(picture(results))


def sorted_sizes(sizes: dict[str, dict]) -> list[tuple[int, dict]]:
    return sorted((int(size), found) for size, found in sizes.items())


def page(results: dict[str, dict[str, dict]]) -> str:
    columns = [(database, *pair) for database, sizes in results.items() for pair in sorted_sizes(sizes)]
    founds = [found for _, _, found in columns]
    head = " | ".join(f"{database}, {size:,}" for database, size, _ in columns)
    loads = [found["load"] for found in founds]
    lines = [
        "# How a studio grows",
        "",
        f"Measured by `make bench-growth` on {os.cpu_count()} cores ({platform.system()}, Python {founds[0]['python']}, "
        f"{max(found['date'] for found in founds)}, load {min(loads):.0f} to {max(loads):.0f}): the same requests in studios of "
        "different numbers of jobs, each with 100 points. Pages, searches and charts have a target of "
        f"{TARGET} ms, and logging keeps at least {KEPT:.0%} of an empty studio's rate. Values that miss it are **bold**.",
        "",
        "![ms of a request by the number of jobs](img/growth.svg)",
        "",
        f"| ms | {head} |",
        f"|---|{'--:|' * len(columns)}",
    ]
    requests, writes = list(founds[0]["requests"]), list(founds[0]["writes"])
    lines += [row_of(what, [marked(found["requests"][what]) for found in founds]) for what in requests]
    lines += [row_of(what, [number(found["writes"][what]) for found in founds]) for what in writes]
    lines += ["", f"| other | {head} |", f"|---|{'--:|' * len(columns)}"]
    lines += [row_of(f"{what}: of an empty studio's rate", [rate(found, what) for found in founds]) for what in writes]
    lines += [row_of(what, [show(found) for found in founds]) for what, show in REST.items()]
    return "\n".join([*lines, "", WHY])


def row_of(what: str, cells: list[str]) -> str:
    return f"| {what} | {' | '.join(cells)} |"


def marked(ms: float) -> str:
    return f"**{number(ms)}**" if ms > TARGET else number(ms)


def rate(found: dict, what: str) -> str:
    share = found["empty"][what] / found["writes"][what]
    return f"{share:.0%}" if share >= KEPT else f"**{share:.0%}**"


def number(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def picture(results: dict[str, dict[str, dict]]) -> str:
    """A panel for each database, both axes in powers of ten."""
    wide, high = LEFT + len(results) * (WIDTH + LEFT) + 150, HEIGHT + TOP + 44
    largest = max(int(size) for sizes in results.values() for size in sizes)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}"><style>{STYLE}</style>']
    for index, (database, sizes) in enumerate(results.items()):
        parts += panel(LEFT + index * (WIDTH + LEFT), database, sorted_sizes(sizes), largest)
    for index, (label, colour) in enumerate(CURVES.values()):
        y = TOP + 12 + index * 22
        parts.append(f'<rect x="{wide - 160}" y="{y - 9}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{wide - 140}" y="{y}">{label}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(left: int, database: str, sizes: list[tuple[int, dict]], largest: int) -> list[str]:
    def x_of(size: int) -> float:
        return left + WIDTH * math.log(size / FEWEST) / math.log(max(largest, FEWEST * 10) / FEWEST)

    parts = [f'<text x="{left}" y="{TOP - 14}">{database}: ms by jobs</text>']
    for ms in (1, 10, 100, HIGHEST):
        parts.append(f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{y_of(ms):.1f}" y2="{y_of(ms):.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y_of(ms) + 4:.1f}" text-anchor="end">{ms}</text>')
    y = f"{y_of(TARGET):.1f}"
    parts.append(f'<line class="target" x1="{left}" x2="{left + WIDTH}" y1="{y}" y2="{y}"/>')
    for size, _ in sizes:
        parts.append(f'<text x="{x_of(size):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{size:,}</text>')
    for what, (_, colour) in CURVES.items():
        points = " ".join(f"{x_of(size):.1f},{y_of(ms_of(found, what)):.1f}" for size, found in sizes)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def ms_of(found: dict, what: str) -> float:
    return (found["requests"] | found["writes"])[what]


def y_of(ms: float) -> float:
    share = math.log(max(ms, LOWEST) / LOWEST) / math.log(HIGHEST / LOWEST)
    return TOP + HEIGHT * (1 - min(share, 1))


if __name__ == "__main__":
    write(json.loads((ROOT / ".cache" / "growth.json").read_text()))
