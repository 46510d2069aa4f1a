"""The difference of two versions of a data asset: files, columns, and the distribution of their values."""

import dataclasses

from assets.data import manifests, previews
from assets.data.distributions import ColumnDistributions, compare_distributions
from assets.data.models import DataVersion
from assets.data.work import DataWork

# Figures of a column whose difference is shown.
FIGURES = (
    ("type", "Type"),
    ("missing", "Missing"),
    ("distinct", "Distinct"),
    ("min", "Min"),
    ("max", "Max"),
    ("mean", "Mean"),
    ("deviation", "Standard deviation"),
)


@dataclasses.dataclass(frozen=True)
class ColumnDifference:
    """`figures` are label, value before and value after, of the figures that differ."""

    name: str
    state: str
    figures: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    distribution: ColumnDistributions | None = None


@dataclasses.dataclass
class Difference:
    before: DataVersion
    after: DataVersion
    # None if one of the versions has no manifest, such as a query.
    files: manifests.Changes | None = None
    columns: list[ColumnDifference] = dataclasses.field(default_factory=list)
    rows: tuple[int, int] | None = None
    # Whether the figures are of the first rows alone.
    is_sample: bool = False
    problem: str = ""

    @property
    def steps_differ(self) -> bool:
        return self.before.definition["steps"] != self.after.definition["steps"]

    @property
    def changed_columns(self) -> list[ColumnDifference]:
        return [column for column in self.columns if column.state != "same"]


def compare_versions(before: DataVersion, after: DataVersion) -> Difference:
    """Compare files as they were at registration; of tables also rows and columns: of all rows if both versions have
    such a profile, otherwise of the first ones."""
    found = Difference(before, after, _compare_files(before, after))
    if not (before.is_table and after.is_table):
        return found
    profiles = [profile for version in (before, after) if (profile := _find_profile(version))]
    if len(profiles) < 2:
        profiles = [previews.read_profile(version.workspace, version.definition) for version in (before, after)]
        found.is_sample = any(profile.note for profile in profiles)
    for version, profile in zip((before, after), profiles, strict=True):
        if profile.problem:
            found.problem = f"Version {version.version}: {profile.problem}"
            return found
    found.rows = (profiles[0].row_count, profiles[1].row_count)
    found.columns = _compare_columns(profiles[0].columns, profiles[1].columns)
    return found


def _compare_files(before: DataVersion, after: DataVersion) -> manifests.Changes | None:
    old, new = getattr(before, "manifest", None), getattr(after, "manifest", None)
    return manifests.compare_manifests(old, new) if old and new else None


def _find_profile(version: DataVersion) -> previews.Profile | None:
    """The profile of all rows that was computed last."""
    rows = version.work.filter(kind=DataWork.Kind.PROFILE, state=DataWork.State.COMPLETED)
    work = rows.first()
    return previews.show_full_profile(work.result) if work else None


def _compare_columns(before: list[dict], after: list[dict]) -> list[ColumnDifference]:
    old, new = ({column["name"]: column for column in columns} for columns in (before, after))
    found = []
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            found.append(ColumnDifference(name, "added"))
        elif name not in new:
            found.append(ColumnDifference(name, "removed"))
        else:
            pairs = [(label, _as_text(old[name].get(key)), _as_text(new[name].get(key))) for key, label in FIGURES]
            figures = [figure for figure in pairs if figure[1] != figure[2]]
            values = compare_distributions(old[name], new[name])
            state = "changed" if figures or (values and values.percent) else "same"
            found.append(ColumnDifference(name, state, figures, values))
    return found


def _as_text(value) -> str:
    return "--" if value is None else str(value)
