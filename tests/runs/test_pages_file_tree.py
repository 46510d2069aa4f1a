"""The tab Outputs + logs: order and sizes of the tree, previews that run nothing, and the difference of two files."""

import base64
import json

import pytest
from django.urls import reverse

from runs.files import artifacts, notebooks, previews
from runs.pages import file_tree
from tests import factories

PNG = base64.b64encode(b"\x89PNG\r\n").decode()


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace, experiment=factories.make_experiment(workspace, "digits"))


@pytest.fixture
def client(as_user, alice):
    return as_user(alice)


def url_of(run, name: str) -> str:
    return reverse(f"runs:{name}", args=[run.workspace.slug, run.run_id])


def store(run, path: str, data: bytes) -> None:
    artifacts.store_artifact(run, path, iter([data]))


def show(client, run, path: str) -> str:
    return " ".join(client.get(url_of(run, "run_files"), {"path": path}).content.decode().split())


def test_logs_come_first_then_outputs_and_numbers_in_their_order():
    files = ["a/x", "outputs/ckpt_1000.pt", "outputs/ckpt_150.pt", "user_logs/std_log.txt", "b10", "b9", "logs/a.log"]
    root = file_tree.build_file_tree([(path, 10) for path in files], "a/x")
    assert list(root.folders) == ["user_logs", "logs", "outputs", "a"]
    assert [file.name for file in root.folders["outputs"].files] == ["ckpt_150.pt", "ckpt_1000.pt"]
    assert [file.name for file in root.files] == ["b9", "b10"]
    assert (root.folders["outputs"].size, root.size, root.file_count) == (20, 70, 7)
    assert root.folders["a"].is_open and not root.folders["outputs"].is_open


def test_the_tree_shows_sizes_and_many_files_crowd_out_neither_logs_nor_the_selected_one(client, run, monkeypatch):
    monkeypatch.setattr(file_tree, "MAX_FILES", 3)
    for path in ["aaa/1", "aaa/2", "aaa/3", "user_logs/std_log.txt", "zzz/last.txt"]:
        store(run, path, b"x" * 2048)
    page = show(client, run, "zzz/last.txt")
    assert "user_logs/std_log.txt" in page and 'data-path="zzz/last.txt"' in page and "and 2 more files" in page
    assert "<small>2.0 KB</small>" in page


def test_the_width_of_the_tree_is_as_it_was_left(client, run):
    store(run, "outputs/a.txt", b"x")
    client.cookies["tree_width"] = "444"
    assert "--tree: 444px" in show(client, run, "outputs/a.txt")
    client.cookies["tree_width"] = "1;}"
    assert "--tree" not in show(client, run, "outputs/a.txt")


def notebook(*cells) -> bytes:
    return json.dumps({"nbformat": 4, "cells": list(cells)}).encode()


def code(source, *outputs, count=1) -> dict:
    return {"cell_type": "code", "source": source, "execution_count": count, "outputs": list(outputs)}


def test_a_notebook_is_shown_and_nothing_of_it_runs(client, run):
    table = "<table><tr><td>7</td></tr></table><script>alert(1)</script><img src=x onerror=alert(2)>"
    store(
        run,
        "outputs/a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Title\n", "<script>alert(3)</script>"]},
            code("import os\n", {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"]}, count=4),
            code("df", {"output_type": "display_data", "data": {"text/html": table, "text/plain": "7"}}),
            code("plot", {"output_type": "display_data", "data": {"image/png": PNG}}),
            code("svg", {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload='alert(4)'/>"}}),
            code("1/0", {"output_type": "error", "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m"]}),
            code("js", {"output_type": "display_data", "data": {"application/javascript": "alert(5)"}}),
        ),
    )
    page = show(client, run, "outputs/a.ipynb")
    assert "<h1>Title</h1>" in page and '<span class="kn">import</span>' in page and "[4]" in page
    assert "<pre>red" in page and "<td>7</td>" in page and "ZeroDivisionError</pre>" in page
    assert f"data:image/png;base64,{PNG}" in page and "data:image/svg+xml;base64," in page
    assert "<script>alert" not in page and "onerror" not in page and "onload" not in page and "alert(5)" not in page


@pytest.mark.parametrize("data", [b"not json", b"[]", b'{"cells": 7}', b"[" * 100_000])
def test_what_is_no_notebook_is_shown_as_text(data):
    found = previews.make_preview("a.ipynb", "application/json", len(data), lambda length: data[:length])
    assert found.kind == "code"


def test_odd_notebooks_are_shown_as_far_as_they_can_be():
    odd = [{}, {"cell_type": "code"}, code(7, 7, {"output_type": "x"}, {"data": {"image/png": "<b>"}}), "text"]
    found = notebooks.render_cells(notebooks.read_notebook(notebook(*odd)) or [])
    assert [cell.kind for cell in found] == ["raw", "code", "code"]
    long = notebooks.render_cells([code("x" * 30_000)] * 300)
    assert len(long) == notebooks.MAX_CELLS and len(long[0].html) < 21_000


@pytest.mark.parametrize(
    ("path", "shows", "kind"),
    [
        ("outputs/a.pdf", '<iframe class="page-frame" title', "application/pdf"),
        ("outputs/a.mp3", '<audio class="media" controls preload="metadata"', "audio/mpeg"),
        ("outputs/a.mp4", '<video class="media" controls preload="metadata"', "video/mp4"),
        ("outputs/a.png", '<div class="image-stage">', "image/png"),
    ],
)
def test_what_a_browser_shows_comes_with_its_type_and_reaches_nothing(client, run, path, shows, kind):
    store(run, path, b"bytes")
    assert shows in show(client, run, path)
    answer = client.get(url_of(run, "run_file"), {"path": path})
    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == (kind, "nosniff")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert ("sandbox" in policy) == (kind != "application/pdf"), "a reader of PDF does not start in a sandbox"
    download = client.get(url_of(run, "run_file"), {"path": path, "download": ""})
    assert download.headers["Content-Type"] == "application/octet-stream"


def test_a_page_that_calls_itself_a_pdf_is_served_as_one(client, run):
    """The name decides, not the content: nothing of it is HTML to a browser."""
    store(run, "outputs/a.pdf", b"<script>alert(1)</script>")
    answer = client.get(url_of(run, "run_file"), {"path": "outputs/a.pdf"})
    assert answer.headers["Content-Type"] == "application/pdf"


def test_data_that_nothing_here_reads_says_its_size_and_what_reads_it(client, run):
    store(run, "outputs/a.parquet", b"PAR1" * 600)
    assert "has 2.3 KB. Download it, and read it with pandas.read_parquet." in show(client, run, "outputs/a.parquet")


def test_a_wide_table_says_that_columns_are_left_out(client, run):
    store(run, "outputs/a.csv", b"\n".join([b",".join(b"%d" % n for n in range(60))] * 3))
    page = show(client, run, "outputs/a.csv")
    assert "The first 50 columns are shown." in page and "<td>49</td>" in page and "<td>50</td>" not in page


def test_markdown_has_its_tables(client, run):
    store(run, "outputs/a.md", b"| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<td>2</td>" in show(client, run, "outputs/a.md")


def difference(client, run, **query) -> str:
    answer = client.get(url_of(run, "file_diff"), query)
    assert answer.status_code == 200, answer.content
    return " ".join(answer.content.decode().split())


def test_a_file_is_compared_with_the_same_path_of_the_newest_other_run(client, workspace, run):
    other = factories.make_run(workspace, experiment=run.experiment, display_name="the other")
    store(other, "outputs/a.txt", b"one\ntwo\n")
    store(run, "outputs/a.txt", b"one\nthree\n")
    page = difference(client, run, path="outputs/a.txt")
    assert "diff-split" in page and "three" in page and "the other" in page and "+1" in page
    assert "diff-unified" in difference(client, run, path="outputs/a.txt", view="unified")
    assert "file_diff" not in show(client, run, "outputs/a.txt") and "/logs/difference/?path=outputs/a.txt" in show(
        client, run, "outputs/a.txt"
    ).replace("%2F", "/")


def test_two_files_of_one_run_are_compared(client, run):
    store(run, "outputs/a.txt", b"same\n")
    store(run, "outputs/b.txt", b"same\n")
    assert "Choose another job, or another file" in difference(client, run, path="outputs/a.txt")
    assert "Same in both" in difference(client, run, path="outputs/a.txt", job=run.run_id, other="outputs/b.txt")


def test_what_cannot_be_compared_says_why_and_strangers_see_nothing(client, as_user, mallory, workspace, run):
    store(run, "outputs/a.bin", b"\0\1")
    store(run, "outputs/b.bin", b"\0\2")
    page = difference(client, run, path="outputs/a.bin", job=run.run_id, other="outputs/b.bin")
    assert "if both are text and at most 512 KB" in page
    lonely = factories.make_run(workspace, experiment=run.experiment)
    assert "has no file of this path" in difference(client, run, path="outputs/a.bin", job=lonely.run_id)
    assert client.get(url_of(run, "file_diff"), {"path": "none"}).status_code == 404
    assert client.get(url_of(run, "file_diff"), {"path": "outputs/a.bin", "job": "none"}).status_code == 404
    assert client.get(url_of(run, "file_diff")).status_code == 400
    assert as_user(mallory).get(url_of(run, "file_diff"), {"path": "outputs/a.bin"}).status_code == 404
