"""Runs in groups, by the value of a parameter or tag or by their experiment."""

from runs.charts import colours
from runs.pages.compare.dimensions import EXPERIMENT, PARAMS, TAGS, as_number
from runs.pages.compare.query import Absent
from runs.pages.compare.selection import DASHES, Chosen
from studio.errors import Invalid


def words(chosen: Chosen) -> list[str]:
    """What they can be grouped by."""
    return [EXPERIMENT, *[PARAMS + name for name in chosen.parameters], *[TAGS + name for name in chosen.tags]]


def members(chosen: Chosen, word: str) -> list[dict]:
    """Label, look and runs of each group; numbers by their size, texts after them."""
    of_runs = _values(chosen, word)
    found: dict[str, list[int]] = {}
    for pk in chosen.pks:
        found.setdefault(of_runs.get(pk, "none"), []).append(pk)
    many = len(colours.LIGHT)
    return [
        {"label": label, "pks": set(pks), "colour": place % many, "dash": DASHES[place // many % len(DASHES)]}
        for place, (label, pks) in enumerate(sorted(found.items(), key=lambda item: _order(item[0])))
    ]


def _values(chosen: Chosen, word: str) -> dict[int, str]:
    if word == EXPERIMENT:
        return {run.pk: run.experiment.name for run in chosen.runs}
    if not word.startswith((PARAMS, TAGS)):
        raise Invalid(f"group={word!r}: write params.NAME, tags.NAME or {EXPERIMENT}.", target="group")
    of_runs = (chosen.parameters if word.startswith(PARAMS) else chosen.tags).get(word.partition(".")[2])
    if of_runs is None:
        raise Absent("group", word, "none of the runs has this.")
    return of_runs


def _order(label: str):
    value = as_number(label)
    return (1, 0.0, value) if isinstance(value, str) else (0, value, "")
