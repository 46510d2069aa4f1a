"""The Notebooks page: what a person does with files, and what nobody can."""

import datetime as dt
import io
import os
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from compute import notifications, queue
from compute.instances import power
from compute.models import ApplicationSession, Assignment
from notebooks import tasks
from notebooks.models import SharedFile, TrashedFile
from notebooks.purging import delete_share
from studio.purging import PurgeSelection
from tests import factories
from workspaces import share
from workspaces.file_share import Home, make_alias, share_folder
from workspaces.models import Role

N = "/ws/aml-workspace/notebooks/"
ALICE = "Users/alice"


@pytest.fixture(autouse=True)
def shares(settings, tmp_path):
    settings.SHARES_DIR = tmp_path


@pytest.fixture
def page(as_user, alice):
    return as_user(alice)


@pytest.fixture
def disk(workspace):
    """`disk("Users/alice/a.txt")`: the path on this machine."""
    return lambda path: share_folder(workspace) / path


def upload(page, path, data=b"text", **query):
    return page.generic("POST", f"{N}upload/file/", data, QUERY_STRING=f"path={path}" + "".join(f"&{q}" for q in query))


def test_one_makes_notebooks_files_and_folders(page, disk):
    assert page.get(N).status_code == 200
    for kind, name in (("notebook", "a"), ("file", "b.py"), ("folder", "c")):
        assert page.post(f"{N}new/", {"kind": kind, "folder": ALICE, "name": name}).status_code == 302
    assert disk(f"{ALICE}/a.ipynb").is_file() and disk(f"{ALICE}/b.py").is_file() and disk(f"{ALICE}/c").is_dir()
    assert disk(ALICE).stat().st_mode & 0o777 == 0o700
    shown = page.get(N).content.decode()
    assert all(name in shown for name in ("a.ipynb", "b.py", "My files", "Samples"))
    assert 'class="notebook"' in page.get(N, {"path": f"{ALICE}/a.ipynb"}).content.decode()
    again = page.post(f"{N}new/", {"kind": "file", "folder": ALICE, "name": "b.py"})
    assert again.status_code == 409 and "There is already a file or folder" in again.content.decode()
    for name in ("a\u202ebypi.ipynb", "b\u200b.py"):
        refused = page.post(f"{N}new/", {"kind": "file", "folder": ALICE, "name": name})
        assert refused.status_code == 400 and "is invisible in a name" in refused.content.decode()
        moved = page.post(f"{N}move/", {"path": f"{ALICE}/b.py", "folder": ALICE, "name": name})
        assert moved.status_code == 400 and disk(f"{ALICE}/b.py").is_file()


def test_uploads_keep_their_folders_and_replace_only_when_that_is_wanted(page, disk):
    page.get(N)
    assert upload(page, f"{ALICE}/course/data/a.csv", b"1").status_code == 200
    assert upload(page, f"{ALICE}/course/data/a.csv", b"2").status_code == 409
    assert disk(f"{ALICE}/course/data/a.csv").read_bytes() == b"1"
    assert upload(page, f"{ALICE}/course/data/a.csv", b"2", replaces="").status_code == 200
    assert disk(f"{ALICE}/course/data/a.csv").read_bytes() == b"2"
    files = [SimpleUploadedFile("x.txt", b"x"), SimpleUploadedFile("y.txt", b"y")]
    assert page.post(f"{N}upload/", {"folder": ALICE, "files": files}).status_code == 302
    assert sorted(os.listdir(disk(ALICE))) == ["course", "x.txt", "y.txt"]
    archive = page.get(f"{N}zip/", {"path": f"{ALICE}/course"})
    assert zipfile.ZipFile(io.BytesIO(archive.getvalue())).namelist() == ["data/a.csv"]


def test_a_home_has_a_limit(page, settings, disk):
    settings.SHARE_MAX_BYTES = 10
    page.get(N)
    assert upload(page, f"{ALICE}/a", b"12345678").status_code == 200
    refused = upload(page, f"{ALICE}/b", b"123")
    assert refused.status_code == 413 and "too large for the space left" in refused.content.decode()
    assert os.listdir(disk(ALICE)) == ["a"]


def test_a_text_is_saved_unless_somebody_changed_it_meanwhile(page, disk):
    page.get(N)
    upload(page, f"{ALICE}/a.py", b"one\n")
    form = page.get(f"{N}edit/", {"path": f"{ALICE}/a.py"}).context["form"].initial
    assert form["text"] == "one\n"
    saved = page.post(f"{N}edit/", {**form, "text": "two\r\n"})
    assert saved.status_code == 302 and disk(f"{ALICE}/a.py").read_bytes() == b"two\n"
    late = page.post(f"{N}edit/", {**form, "text": "three\n"})
    assert late.status_code == 409 and "changed or moved after you opened it" in late.content.decode()
    assert "three" in late.content.decode() and disk(f"{ALICE}/a.py").read_bytes() == b"two\n"


def test_what_is_deleted_comes_back_by_undo_and_ends_after_its_days(page, disk, settings):
    page.get(N)
    upload(page, f"{ALICE}/d/a.py", b"one")
    deleted = page.post(f"{N}delete/", {"path": f"{ALICE}/d"}, follow=True)
    gone = TrashedFile.objects.get()
    assert not disk(f"{ALICE}/d").exists() and f"{N}trash/{gone.pk}/?act=restore" in deleted.content.decode()
    assert f"{ALICE}/d" in page.get(f"{N}trash/").content.decode()
    page.post(f"{N}trash/{gone.pk}/?act=restore")
    assert disk(f"{ALICE}/d/a.py").read_bytes() == b"one" and not TrashedFile.objects.exists()
    page.post(f"{N}delete/", {"path": f"{ALICE}/d"})
    tasks.purge_trash()
    assert TrashedFile.objects.exists()
    TrashedFile.objects.update(deleted_at=timezone.now() - dt.timedelta(days=settings.TRASH_DAYS + 1))
    tasks.purge_trash()
    assert not TrashedFile.objects.exists() and not any(disk("trash").iterdir())


def test_what_a_killed_upload_has_left_ends_after_an_hour(page, disk, monkeypatch):
    page.get(N)
    # As if the process had ended before the file got its name.
    with monkeypatch.context() as patch:
        patch.setattr(share, "_move_to_name", lambda *arguments: pytest.fail("killed"))
        patch.setattr(share.os, "unlink", lambda *arguments, **options: None)
        with pytest.raises(pytest.fail.Exception):
            upload(page, f"{ALICE}/a.bin", b"half")
    (left,) = disk(ALICE).glob(".*")
    (disk(ALICE) / "elsewhere").symlink_to(disk(ALICE))
    tasks.purge_trash()
    assert left.read_bytes() == b"half"
    os.utime(left, (0, 0))
    tasks.purge_trash()
    assert not left.exists()


def test_files_are_renamed_and_moved_but_never_over_another(page, disk):
    page.get(N)
    for name in ("a", "b"):
        upload(page, f"{ALICE}/{name}", name.encode())
    assert page.post(f"{N}move/", {"path": f"{ALICE}/a", "folder": ALICE, "name": "b"}).status_code == 409
    assert page.post(f"{N}move/", {"path": f"{ALICE}/a", "folder": "Users/shared/x", "name": "c"}).status_code == 302
    assert disk("Users/shared/x/c").read_bytes() == b"a" and disk(f"{ALICE}/b").read_bytes() == b"b"
    assert page.post(f"{N}move/", {"path": ALICE, "folder": "Users/shared", "name": "all"}).status_code == 400


def test_a_sample_is_read_and_copied_but_not_changed(page, disk):
    sample = "Samples/Log metrics from a notebook.ipynb"
    assert 'class="notebook"' in page.get(N, {"path": sample}).content.decode()
    assert page.post(f"{N}delete/", {"path": sample}).status_code == 400
    assert page.post(f"{N}copy/", {"path": sample}).status_code == 302
    [key] = re.findall(
        r'name="form_key" value="([^"]+)"><input type="hidden" name="path"',
        page.get(N, {"path": sample}).content.decode(),
    )
    for _ in range(2):
        page.post(f"{N}copy/", {"path": sample, "form_key": key})
    assert disk(f"{ALICE}/Log metrics from a notebook.ipynb").is_file()
    assert disk(f"{ALICE}/Log metrics from a notebook (2).ipynb").is_file()
    assert not disk(f"{ALICE}/Log metrics from a notebook (3).ipynb").exists()


def test_a_link_opens_one_file_to_the_people_of_the_workspace(page, as_user, bob, mallory, disk):
    page.get(N)
    upload(page, f"{ALICE}/a.py", b"print(1)")
    page.post(f"{N}share/", {"path": f"{ALICE}/a.py", "act": "share"})
    link = SharedFile.objects.get()
    assert "print" in as_user(bob).get(link.get_absolute_url()).content.decode()
    assert as_user(bob).get(f"{link.get_absolute_url()}file/?download").getvalue() == b"print(1)"
    assert as_user(mallory).get(link.get_absolute_url()).status_code == 404
    page.post(f"{N}move/", {"path": f"{ALICE}/a.py", "folder": f"{ALICE}/new", "name": "b.py"})
    assert as_user(bob).get(link.get_absolute_url()).status_code == 200
    page.post(f"{N}share/", {"path": f"{ALICE}/new/b.py", "act": "stop"})
    assert as_user(bob).get(link.get_absolute_url()).status_code == 404
    page.post(f"{N}share/", {"path": f"{ALICE}/new/b.py", "act": "share"})
    page.post(f"{N}delete/", {"path": f"{ALICE}/new"})
    assert not SharedFile.objects.exists()


def test_the_files_of_others_are_not_found_and_readers_change_nothing(page, as_user, bob, mallory, workspace):
    page.get(N)
    upload(page, f"{ALICE}/a.py")
    upload(page, "Users/shared/b.py")
    reader = as_user(bob)
    assert reader.get(N).status_code == 200 and as_user(mallory).get(N).status_code == 404
    for address in (N, f"{N}file/", f"{N}zip/"):
        assert reader.get(address, {"path": f"{ALICE}/a.py"}).status_code == 404, address
    # Whatever the path: a reader edits none.
    assert {reader.get(f"{N}edit/", {"path": f"{ALICE}/{name}"}).status_code for name in ("a.py", "none")} == {403}
    assert reader.get(f"{N}file/", {"path": "Users/shared/b.py"}).status_code == 200
    assert upload(reader, "Users/shared/c.py").status_code == 403
    assert reader.post(f"{N}delete/", {"path": "Users/shared/b.py"}).status_code == 403
    operator = factories.make_user("operator")
    factories.give_role(operator, Role.COMPUTE_OPERATOR, workspace)
    assert as_user(operator).get(N).status_code == 403


@pytest.mark.parametrize("path", ["Users/alice/../bob/a", "/etc/passwd", "Users/alice//a", "Users/alice/.", "a\\b"])
def test_paths_stay_below_the_share(page, path):
    for address in (N, f"{N}file/", f"{N}zip/", f"{N}edit/"):
        assert page.get(address, {"path": path}).status_code == 400, address
    assert page.post(f"{N}delete/", {"path": path}).status_code == 400


def test_links_lead_nowhere(page, disk, tmp_path):
    page.get(N)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hush hush")
    disk(f"{ALICE}/link").symlink_to(secret / "key")
    disk(f"{ALICE}/folder").symlink_to(secret)
    os.mkfifo(disk(f"{ALICE}/pipe"))
    shown = page.get(N)
    assert shown.status_code == 200 and "link" in shown.content.decode()
    for path in ("link", "folder/key", "folder", "pipe"):
        for address in (N, f"{N}file/", f"{N}edit/"):
            answer = page.get(address, {"path": f"{ALICE}/{path}"})
            assert b"hush" not in answer.getvalue(), (address, path)
    assert upload(page, f"{ALICE}/folder/new").status_code == 400
    # Over a link: the link is replaced, not what it leads to.
    assert upload(page, f"{ALICE}/link", b"mine", replaces="").status_code == 200
    page.post(f"{N}delete/", {"path": f"{ALICE}/folder"})
    page.post(f"{N}trash/{TrashedFile.objects.get().pk}/", {"act": "delete"})
    assert (secret / "key").read_text() == "hush hush" and sorted(os.listdir(secret)) == ["key"]


def test_homes_have_names_of_their_own(workspace):
    first = factories.make_user("Ann.Lee@example.org")
    assert Home.of(workspace, first).name == "ann.lee"
    assert Home.of(workspace, factories.make_user("ann.lee@example.com")).name == "ann.lee-2"
    first.delete()
    assert Home.of(workspace, factories.make_user("ann.lee")).name == "ann.lee-3"
    assert [make_alias(name) for name in ("shared", "..", "Ä b", "a/b")] == ["shared-home", "-home", "b", "a-b"]


def test_a_notebook_opens_in_a_frame_on_an_instance_that_is_started_there(
    page, alice, bob, as_user, workspace, monkeypatch
):
    monkeypatch.setattr(notifications, "_send", lambda task, queue: None)
    page.post(f"{N}new/", {"kind": "notebook", "folder": ALICE, "name": "a"})
    run = f"{N}run/?path={ALICE}/a.ipynb"
    assert "Create compute to run" in page.get(run).content.decode()
    instance = power.create_instance(workspace, alice, "lab-one", "Standard_DS1_v2", starts=False)
    stopped = page.get(run).content.decode()
    assert "Start lab-one to run cells" in stopped and "<iframe" not in stopped
    page.post("/ws/aml-workspace/compute/lab-one/instance/change/", {"act": "start", "next": run})
    assert 'hx-trigger="every 1s"' in page.get(run).content.decode()
    work = queue.claim_work(factories.make_node(instance.target))
    queue.renew_lease(work.pk, work.attempt, address="unix:/run/s", health=Assignment.Health.HEALTHY)
    running = page.get(run)
    assert "open/notebook/?path=Users%2Falice%2Fa.ipynb" in running.content.decode()
    assert "frame-src 'self' blob: http://lab-one.localhost" in running.headers["Content-Security-Policy"]
    opened = page.get("/ws/aml-workspace/compute/lab-one/instance/open/notebook/", {"path": f"{ALICE}/a.ipynb"})
    assert opened.status_code == 302 and ApplicationSession.objects.get().path == "/notebooks/alice/a.ipynb"
    assert page.get(f"{N}run/?path=Samples/Log metrics from a notebook.ipynb").status_code == 400
    assert "You have no compute instance" in as_user(bob).get(f"{N}run/").content.decode()


def test_a_purge_of_the_workspace_takes_its_share(page, workspace, disk):
    page.get(N)
    upload(page, f"{ALICE}/a.py")
    assert delete_share(PurgeSelection(workspace.pk, run_pks=[1])) is None and disk(ALICE).exists()
    assert delete_share(PurgeSelection(workspace.pk, whole_workspace=True)) == []
    assert not disk(ALICE).exists() and delete_share(PurgeSelection(workspace.pk, whole_workspace=True)) is None
