"""File paths as a tree of folders with their sizes: logs first, then outputs, and names with numbers in natural order."""

import dataclasses

from django.db.models import Case, IntegerField, QuerySet, When

from studio.names import natural_key
from studio.numbers import int_or_none

# At the top of a tree in this order; the others follow by name.
LOG_FOLDERS = ("user_logs", "logs", "system_logs", "azureml-logs")
FIRST_FOLDERS = (*LOG_FOLDERS, "outputs")
OPEN_FOLDERS = ("user_logs", "outputs")
# The tree has at most this many files; the zip and the API have all.
MAX_FILES = 2_000
# A person drags the border of the tree; the browser remembers it in this cookie, in pixels.
WIDTH_COOKIE, MIN_WIDTH, MAX_WIDTH = "tree_width", 160, 900


@dataclasses.dataclass
class TreeFolder:
    """`size` and `file_count` include all subfolders."""

    name: str
    path: str
    is_open: bool = False
    folders: dict[str, "TreeFolder"] = dataclasses.field(default_factory=dict)
    files: list = dataclasses.field(default_factory=list)
    size: int = 0
    file_count: int = 0

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
    """`files` are (path, size); the folders of the selected file are open."""
    root = TreeFolder("", "", True)
    for path, size in files:
        folder, parts = root, path.split("/")
        _count(folder, size)
        for index, name in enumerate(parts[:-1]):
            above = "/".join(parts[: index + 1])
            is_open = above in opened or chosen.startswith(above + "/")
            folder = folder.folders.setdefault(name, TreeFolder(name, above, is_open))
            _count(folder, size)
        folder.files.append(TreeFile(parts[-1], path, size, path == chosen))
    _sort(root)
    return root


def _count(folder: TreeFolder, size: int) -> None:
    folder.size += size
    folder.file_count += 1


def _sort(root: TreeFolder) -> None:
    ranks = {name: rank for rank, name in enumerate(FIRST_FOLDERS)}
    folders = [root]
    while folders:
        folder = folders.pop()
        in_order = sorted(folder.entries, key=lambda one: (ranks.get(one.path, len(ranks)), natural_key(one.name)))
        folder.folders = {one.name: one for one in in_order}
        folder.files.sort(key=lambda file: natural_key(file.name))
        folders += folder.entries


def list_first_files(artifacts: QuerySet, chosen: str) -> list[tuple[str, int]]:
    """(path, size) of so many files as a tree shows: logs and outputs are never crowded out, nor the selected file."""
    ranks = [When(path__startswith=f"{name}/", then=rank) for rank, name in enumerate(FIRST_FOLDERS)]
    ranked = artifacts.annotate(rank=Case(*ranks, default=len(ranks), output_field=IntegerField()))
    files = list(ranked.order_by("rank", "path").values_list("path", "size")[:MAX_FILES])
    if chosen and len(files) == MAX_FILES and all(path != chosen for path, _ in files):
        files[MAX_FILES - 1 :] = artifacts.filter(path=chosen).values_list("path", "size")
    return files


def read_width(request) -> int | None:
    """The width that the browser remembers."""
    width = int_or_none(request.COOKIES.get(WIDTH_COOKIE, ""))
    return min(max(width, MIN_WIDTH), MAX_WIDTH) if width else None
