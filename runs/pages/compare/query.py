"""The query string of a comparison, which contains all of its settings.

Every button of the page sends the whole query string and `set=<verb>:<value>`; `with_change` applies the change.
"""

import dataclasses
from urllib.parse import urlencode

from studio import numbers
from studio.errors import Invalid

TABS = {
    "details": "Overview",
    "metrics": "Metrics",
    "charts": "Charts",
    "scatter": "Scatter",
    "parallel": "Parallel coordinates",
    "images": "Images",
    "logs": "Logs",
    "code": "Code",
}
VALUES = ("last", "min", "max")
# Single parameters with their defaults.
ONCE = {
    "tab": "details", "base": "", "q": "", "only": "", "page": "1", "value": "last", "sort": "",
    "x": "step", "y": "linear", "smooth": "0", "group": "", "sx": "", "sy": "", "sc": "",
    "image": "", "step": "", "path": "", "with": "", "view": "split", "full": "",
}  # fmt: skip
# Names of metrics and parameters, which may contain any character: repeated parameters.
REPEATED = ("last", "min", "max", "up", "down", "show", "off", "axis", "brush")
# Ids of runs, separated by commas.
IDS = ("runs", "hide", "side")
ALLOWED = {
    "tab": tuple(TABS), "value": VALUES, "x": ("step", "relative", "time"), "y": ("linear", "log"),
    "view": ("split", "unified"), "only": ("", "1"), "full": ("", "1"),
}  # fmt: skip
MAX_LENGTH = 1000
MAX_NAMES = 200
MAX_PAGE, MAX_SMOOTHING = 10**6, 0.99
# Every button of the page sends the whole query string.
MAX_ADDRESS_LENGTH = 20_000


class UnknownName(Invalid):
    """A name that none of the runs has, such as a metric of a removed run; the page ignores it with a note."""

    def __init__(self, word: str, value: str, says: str):
        super().__init__(f"{word}={value!r}: {says}", target=word)
        self.value = value


@dataclasses.dataclass(frozen=True)
class CompareQuery:
    once: dict[str, str]
    repeated: dict[str, tuple[str, ...]]
    ids: dict[str, tuple[str, ...]]
    # The query string contains defaults, because a form sent it.
    has_defaults: bool = False

    @classmethod
    def parse(cls, params) -> "CompareQuery":
        """Parses a QueryDict; an invalid value raises an error that lists the allowed ones."""
        once = {name: params.get(name, usual).strip() or usual for name, usual in ONCE.items()}
        repeated = {name: tuple(dict.fromkeys(filter(None, params.getlist(name)))) for name in REPEATED}
        ids = {name: _split_ids(params.getlist(name)) for name in IDS}
        has_defaults = "set" in params or any(_is_default(name, values) for name, values in params.lists())
        query = cls(once, repeated, ids, has_defaults)
        query._validate()
        for change in params.getlist("set"):
            query = query.with_change(*change.partition(":")[::2])
        return dataclasses.replace(query, has_defaults=has_defaults)

    def _validate(self) -> None:
        for name, allowed in ALLOWED.items():
            if self.once[name] not in allowed:
                words = ", ".join(filter(None, allowed))
                raise Invalid(f"{name}={self.once[name]!r}: write one of {words}.", target=name)
        numbers.parse_int(self.once["page"], "page", max_value=MAX_PAGE)
        if not 0 <= numbers.parse_float(self.once["smooth"], "smooth") <= MAX_SMOOTHING:
            raise Invalid(f"smooth={self.once['smooth']}: write a number from 0 to {MAX_SMOOTHING}.", target="smooth")
        for name, value in self._pairs():
            if len(value) > MAX_LENGTH and name not in IDS:
                raise Invalid(f"{name}: {len(value)} characters; {MAX_LENGTH} are allowed.", target=name)
        if (length := sum(len(name) + len(value) for name, value in self._pairs())) > MAX_ADDRESS_LENGTH:
            raise Invalid(f"The address has {length} characters; {MAX_ADDRESS_LENGTH} are allowed.")
        for name, values in self.repeated.items():
            if len(values) > MAX_NAMES:
                raise Invalid(f"{name}: {len(values)} names; {MAX_NAMES} are allowed.", target=name)

    def __getitem__(self, name: str):
        for words in (self.once, self.repeated, self.ids):
            if name in words:
                return words[name]
        raise KeyError(name)

    @property
    def page(self) -> int:
        return max(1, numbers.parse_int(self.once["page"], "page", max_value=MAX_PAGE))

    def _pairs(self):
        for name, values in self.ids.items():
            if values:
                yield name, ",".join(values)
        for name, value in self.once.items():
            if value != ONCE[name]:
                yield name, value
        for name, values in self.repeated.items():
            for value in values:
                yield name, value

    def pairs(self, *without: str) -> list[tuple[str, str]]:
        """The parameters for hidden fields, without those that have visible fields."""
        return [(name, value) for name, value in self._pairs() if name not in without]

    def urlencode(self, **once: str) -> str:
        """The query string with some single parameters changed."""
        return self._copy(once=once)._urlencode()

    def _urlencode(self) -> str:
        return urlencode(self.pairs(), safe=",:/")

    def query_for_tab(self, tab: str) -> str:
        """The query for another tab, starting at its first page."""
        return self.urlencode(tab=tab, page="1", q="", path="")

    def _copy(self, *, once=None, repeated=None, ids=None) -> "CompareQuery":
        return CompareQuery(
            {**self.once, **(once or {})}, {**self.repeated, **(repeated or {})}, {**self.ids, **(ids or {})}
        )

    def with_change(self, verb: str, value: str) -> "CompareQuery":
        """The query after a button was pressed."""
        act = getattr(self, f"_set_{verb}", None)
        if act is not None:
            return act(value)
        if verb in VALUES:
            return self._set_row_value(verb, value)
        if verb in ONCE:
            return self._copy(once={verb: value, "page": value if verb == "page" else "1"})
        raise Invalid(f"set={verb}:{value}: there is no such change.", target="set")

    def _set_add(self, run_id: str) -> "CompareQuery":
        return self._copy(ids={"runs": tuple(dict.fromkeys([*self.ids["runs"], run_id]))})

    def _set_remove(self, run_id: str) -> "CompareQuery":
        """Remove the run from all parameters."""
        left = {name: tuple(one for one in found if one != run_id) for name, found in self.ids.items()}
        once = {name: "" for name in ("base", "with") if self.once[name] == run_id}
        return self._copy(ids=left, once=once)

    def without_runs(self, run_ids) -> "CompareQuery":
        """The query without these runs."""
        left = self
        for run_id in run_ids:
            left = left._set_remove(run_id)
        return left

    def without_refused(self, error: Invalid) -> "CompareQuery | None":
        """The query without the parameter that an error is about; None if the error is about the runs or no parameter."""
        word = error.target
        if isinstance(error, UnknownName):
            return self.without_value(word, error.value)
        if word in ONCE and self.once[word] != ONCE[word]:
            return self._copy(once={word: ONCE[word]})
        if word in IDS and word != "runs" and self.ids[word]:
            return self._copy(ids={word: ()})
        return None

    def without_value(self, word: str, value: str) -> "CompareQuery":
        """The query without this value of a parameter."""
        if word in ONCE:
            return self._copy(once={word: ONCE[word]})
        return self._copy(repeated={word: tuple(one for one in self.repeated[word] if one != value)})

    def _set_sides(self, value: str) -> "CompareQuery":
        """Toggle a log in the list of shown logs."""
        *shown, pressed = value.split(",")
        return self._copy(ids={"side": toggle_value(tuple(shown), pressed)})

    def _set_swap(self, run_id: str) -> "CompareQuery":
        """Swap the baseline and the other run."""
        base = self.once["base"] or next(iter(self.ids["runs"]), "")
        return self._copy(once={"base": run_id, "with": base})

    def _set_sort(self, name: str) -> "CompareQuery":
        """Cycle through ascending, descending and the selected order."""
        following = {name: f"-{name}", f"-{name}": ""}
        return self._copy(once={"sort": following.get(self.once["sort"], name)})

    def _set_direction(self, value: str) -> "CompareQuery":
        """`up:name` or `down:name`: which direction is better, if the guess by name is wrong."""
        way, _, name = value.partition(":")
        if way not in ("up", "down"):
            raise Invalid(f"set=direction:{value}: write direction:up:NAME or direction:down:NAME.", target="set")
        other = "down" if way == "up" else "up"
        left = tuple(one for one in self.repeated[other] if one != name)
        return self._copy(repeated={way: (*self.repeated[way], name), other: left})

    def _set_value(self, value: str) -> "CompareQuery":
        """Set the value for every row, and drop those of single rows."""
        return self._copy(once={"value": value}, repeated=dict.fromkeys(VALUES, ()))

    def _set_row_value(self, which: str, name: str) -> "CompareQuery":
        rows = {word: tuple(one for one in self.repeated[word] if one != name) for word in VALUES}
        if which != self.once["value"]:
            rows[which] = (*rows[which], name)
        return self._copy(repeated=rows)


def toggle_value(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(one for one in values if one != value) if value in values else (*values, value)


def _is_default(name: str, values: list[str]) -> bool:
    """Whether a form sent an empty field or a default."""
    return "" in values or ONCE.get(name) in values


def _split_ids(given: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for text in given for one in text.split(",") if one.strip()))
