"""The package index under /pypi/ (PEP 503, 658, 691). It is public: our SDK, the files of the folder of packages, and links
to other indexes."""

import hashlib
import json

from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import conditional_page, require_safe

from assets import packages, wheel_folder
from studio.errors import Invalid

JSON = "application/vnd.pypi.simple.v1+json"


@require_safe
def index_root(request):
    names = [packages.SDK, packages.AZ, *packages.LISTED, *wheel_folder.list_names()]
    if _wants_json(request):
        return _json({"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]})
    return _page(request, "Packages", [(reverse("assets:index_project", args=[name]), name) for name in names])


@require_safe
def index_project(request, name):
    normal = packages.normalize_name(name)
    if not packages.is_own_package(normal):
        return _show_other_project(request, normal)
    if normal != name:
        return HttpResponseRedirect(reverse("assets:index_project", args=[normal]))
    # One URL lookup for thousands of files, whose names need no quoting.
    folder = reverse("assets:index_file", args=["-"]).removesuffix("-")
    files = [(f"{folder}{file}", file) for file in packages.list_files(normal)]
    if not _wants_json(request):
        return _page(request, normal, files, packages.REQUIRES_PYTHON)
    answer = {
        "meta": {"api-version": "1.1"},
        "name": normal,
        "versions": [file.split("-")[1] for _, file in files],
        "files": [
            {
                "filename": file,
                "url": url,
                "hashes": {},
                "requires-python": packages.REQUIRES_PYTHON,
                "core-metadata": True,
            }
            for url, file in files
        ],
    }
    return _json(answer)


def _show_other_project(request, name: str) -> HttpResponse:
    """The files of the folder of packages, or where else there may be some."""
    files = [(reverse("assets:index_wheel", args=[file]), file) for file in wheel_folder.list_files(name)]
    if not files:
        if upstream := packages.upstream_index():
            return HttpResponseRedirect(f"{upstream}/{name}/")
        raise Http404(f"The folder of packages has no {name}, and INDEX_URL=none names no other index.")
    if not _wants_json(request):
        return _page(request, name, files, has_metadata=False)
    listed = [{"filename": file, "url": url, "hashes": {}} for url, file in files]
    return _json({"meta": {"api-version": "1.0"}, "name": name, "files": listed})


@require_safe
def index_wheel(request, filename):
    """A file of the folder of packages."""
    path = wheel_folder.find_file(filename)
    if path is None:
        raise Http404(f"The folder of packages has no file {filename}.")
    response = FileResponse(path.open("rb"), content_type="application/octet-stream")
    if request.method == "HEAD":
        response.streaming_content = []
    return response


@require_safe
@conditional_page
def index_file(request, filename):
    wanted = filename.removesuffix(".metadata")
    try:
        data = packages.build_wheel(wanted) if wanted == filename else packages.build_metadata(wanted).encode()
    except Invalid as error:
        raise Http404(error.message) from error
    response = HttpResponse(data, content_type="application/octet-stream" if wanted == filename else "text/plain")
    # The SDK may change without a new version during development; clients revalidate and mostly get a 304.
    response.headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
    response.headers["Cache-Control"] = "no-cache"
    return response


def _wants_json(request) -> bool:
    return JSON in request.headers.get("Accept", "")


def _json(answer: dict) -> HttpResponse:
    return _varied(HttpResponse(json.dumps(answer), content_type=JSON))


def _page(
    request, title: str, links: list[tuple[str, str]], requires_python: str = "", has_metadata: bool = True
) -> HttpResponse:
    context = {"title": title, "links": links, "requires_python": requires_python, "has_metadata": has_metadata}
    return _varied(render(request, "assets/package_index.html", context))


def _varied(response: HttpResponse) -> HttpResponse:
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "max-age=60"
    return response
