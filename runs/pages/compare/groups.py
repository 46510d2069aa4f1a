"""Groups of runs, by the value of a parameter or tag or by experiment."""

from runs.charts import colours
from runs.pages.compare.dimensions import EXPERIMENT, PARAMS, TAGS, parse_number
from runs.pages.compare.query import UnknownName
from runs.pages.compare.selection import RunSelection
from studio.errors import Invalid
from studio.formats import format_labels


def list_group_keys(selected: RunSelection) -> list[str]:
    """The keys by which the runs can be grouped."""
    return [EXPERIMENT, *[PARAMS + name for name in selected.parameters], *[TAGS + name for name in selected.tags]]


def group_runs(selected: RunSelection, word: str) -> list[dict]:
    """Label, style and runs of each group; numbers first, in numeric order, then texts. `shown` is the label in short."""
    of_runs = _values_by_run(selected, word)
    found: dict[str, list[int]] = {}
    for pk in selected.pks:
        found.setdefault(of_runs.get(pk, "none"), []).append(pk)
    many, ordered = len(colours.LIGHT), sorted(found, key=_sort_key)
    shown = format_labels(ordered) if word.startswith(PARAMS) else ordered
    return [
        {
            "label": label,
            "shown": shown[index],
            "pks": set(found[label]),
            "colour": index % many,
            "dash": colours.DASHES[index // many % len(colours.DASHES)],
        }
        for index, label in enumerate(ordered)
    ]


def _values_by_run(selected: RunSelection, word: str) -> dict[int, str]:
    if word == EXPERIMENT:
        return {run.pk: run.experiment.name for run in selected.runs}
    if not word.startswith((PARAMS, TAGS)):
        raise Invalid(f"group={word!r}: write params.NAME, tags.NAME or {EXPERIMENT}.", target="group")
    of_runs = (selected.parameters if word.startswith(PARAMS) else selected.tags).get(word.partition(".")[2])
    if of_runs is None:
        raise UnknownName("group", word, "none of the runs has this.")
    return of_runs


def _sort_key(label: str):
    value = parse_number(label)
    return (1, 0.0, value) if isinstance(value, str) else (0, value, "")
