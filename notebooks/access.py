"""The files of a share that a person sees on the pages: their home, the shared folder, and the samples."""

import dataclasses
import functools
import pathlib

from django.conf import settings
from django.http import Http404

from accounts.actors import actor_of_request
from studio.errors import Invalid
from workspaces.access import can, denied
from workspaces.file_share import SHARED, USERS, Home, share_folder
from workspaces.lookup import find_page_workspace
from workspaces.models import Workspace
from workspaces.share import Share, ShareEntry

SAMPLES = "Samples"
SAMPLES_FOLDER = pathlib.Path(__file__).resolve().parent / "samples"


@dataclasses.dataclass
class ShareFiles:
    """The files of a workspace as one person sees them."""

    workspace: Workspace
    home: Home
    may_edit: bool

    @functools.cached_property
    def share(self) -> Share:
        share = Share(share_folder(self.workspace))
        for path in (self.home.path, self.shared):
            share.make_folder(path)
        return share

    @property
    def shared(self) -> str:
        return f"{USERS}/{SHARED}"

    @property
    def roots(self) -> list[tuple[str, str]]:
        """Path and label of the folders at the top of the tree."""
        return [(self.home.path, "My files"), (self.shared, "Shared"), (SAMPLES, "Samples")]

    def root_of(self, path: str) -> str:
        """The top folder of a path; not found if the person has no such folder."""
        root = next((root for root, _ in self.roots if path == root or path.startswith(f"{root}/")), "")
        if not root:
            raise Http404(f"You have no file or folder {path[:200]} in this workspace.")
        return root

    def to_read(self, path: str) -> Share:
        """The share of a path that the person can read."""
        return Share(SAMPLES_FOLDER.parent) if self.root_of(path) == SAMPLES else self.share

    def disk_path(self, path: str) -> str:
        return f"samples{path.removeprefix(SAMPLES)}" if self.root_of(path) == SAMPLES else path

    def to_change(self, path: str) -> Share:
        """The share of a path that the person can change."""
        root = self.root_of(path)
        if root == SAMPLES:
            raise Invalid("Samples cannot be changed. Copy them to your files first.", target="path")
        if not self.may_edit:
            raise denied("edit", self.workspace)
        return self.share

    def to_replace(self, path: str) -> Share:
        """The same, for a path that is not a top folder."""
        share = self.to_change(path)
        if path in (self.home.path, self.shared):
            raise Invalid(f"{path} itself cannot be moved or deleted.", target="path")
        return share

    def space_left(self, path: str) -> int:
        """Bytes that may still be stored in the top folder of the path."""
        return max(0, settings.SHARE_MAX_BYTES - self.share.measure(self.root_of(path)))

    def find(self, path: str) -> ShareEntry:
        found = self.to_read(path).find(self.disk_path(path))
        return dataclasses.replace(found, path=path)

    def list_folder(self, path: str) -> tuple[list[ShareEntry], int]:
        entries, left_out = self.to_read(path).list_folder(self.disk_path(path))
        return [dataclasses.replace(entry, path=f"{path}/{entry.name}") for entry in entries], left_out


def find_files(request, slug: str) -> ShareFiles:
    # Requests that change something are refused first if the role does not allow it.
    workspace = find_page_workspace(request, slug, "edit" if request.method == "POST" else "read")
    return ShareFiles(workspace, Home.of(workspace, request.user), can(actor_of_request(request), "edit", workspace))


def find_files_to_change(request, slug: str) -> ShareFiles:
    """The files for a change; raises Denied for readers."""
    files = find_files(request, slug)
    if not files.may_edit:
        raise denied("edit", files.workspace)
    return files
