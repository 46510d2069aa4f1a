"""File paths as a tree of folders, and runs as a tree of children."""

import dataclasses
import hashlib

from runs.charts import colours
from runs.models import Run

OPEN_FOLDERS = ("user_logs", "outputs")
# The tree has at most this many files; the zip and the API have all.
MAX_FILES = 2_000


@dataclasses.dataclass
class TreeFolder:
    name: str
    path: str
    is_open: bool = False
    folders: dict[str, "TreeFolder"] = dataclasses.field(default_factory=dict)
    files: list = dataclasses.field(default_factory=list)

    @property
    def entries(self) -> list["TreeFolder"]:
        return list(self.folders.values())


@dataclasses.dataclass(frozen=True)
class TreeFile:
    name: str
    path: str
    size: int
    is_chosen: bool


def build_file_tree(files, chosen: str, opened: tuple[str, ...] = ()) -> TreeFolder:
    """`files` are (path, size) in the order of their paths; the folders of the selected file are open."""
    root = TreeFolder("", "", True)
    for path, size in files:
        folder, parts = root, path.split("/")
        for index, name in enumerate(parts[:-1]):
            above = "/".join(parts[: index + 1])
            is_open = above in opened or chosen.startswith(above + "/")
            folder = folder.folders.setdefault(name, TreeFolder(name, above, is_open))
        folder.files.append(TreeFile(parts[-1], path, size, path == chosen))
    return root


def list_descendants(run: Run, max_count: int) -> list[Run]:
    """The descendants as a flat tree, each with its `depth`, at most `max_count`."""
    below: dict[int | None, list[Run]] = {}
    layer, found = [run.pk], 0
    while layer and found <= max_count:
        children = Run.objects.filter(parent__in=layer, deleted_at=None).order_by("-created_at", "-pk")
        rows = list(
            children.select_related("experiment", "created_by", "workspace").prefetch_related("tag_rows")[:max_count]
        )
        for child in rows:
            below.setdefault(child.parent_id, []).append(child)
        layer, found = [child.pk for child in rows], found + len(rows)
    return _flatten_tree(run.pk, below, 0)[:max_count]


def state_token(runs: list[Run]) -> str:
    """A token that changes as soon as a run changes, is added or removed."""
    text = ".".join(f"{run.pk}-{run.revision}" for run in runs)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _flatten_tree(pk: int, below: dict, depth: int) -> list[Run]:
    rows = []
    for child in below.get(pk, []):
        child.depth = depth
        child.colour = colours.colour_index(child.pk)
        rows += [child, *_flatten_tree(child.pk, below, depth + 1)]
    return rows
