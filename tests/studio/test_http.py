"""What every answer carries, and who may read the description of the API."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from django.conf import settings
from django.core import checks
from django.core.files.uploadedfile import SimpleUploadedFile
from django.templatetags.static import static
from django.test import Client

from studio.api import W
from tests import factories


def test_pages_are_not_cached_by_proxies_or_framed_by_other_sites(as_user, alice, workspace):
    answer = as_user(alice).get("/ws/aml-workspace/")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "object-src 'none'; base-uri 'none';" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_scripts_and_styles_carry_no_headers_about_documents(client):
    for path in ("js/pages/shell.js", "css/base.css"):
        headers = client.get(static(path)).headers
        assert (
            headers["Content-Security-Policy"] == "default-src 'none'"
            and headers["X-Content-Type-Options"] == "nosniff"
        )
        assert "immutable" in headers["Cache-Control"]
        assert sum(len(name) + len(value) + 4 for name, value in headers.items()) < 450
    assert "script-src 'self'" in client.get(static("img/logo.svg")).headers["Content-Security-Policy"]
    assert "script-src 'self'" in client.get(static("js/none.js")).headers["Content-Security-Policy"]


def test_a_page_loads_from_this_server_alone_and_htmx_evaluates_no_text(as_user, alice, workspace):
    page = as_user(alice).get("/ws/aml-workspace/jobs/").content.decode()
    loaded = re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', page)
    assert len(loaded) > 5 and not [address for address in loaded if not re.match(r"/(?!/)|#", address)]
    [config] = re.findall(r"<meta name=\"htmx-config\"\s+content='(.*?)'", page, re.S)
    assert json.loads(config)["allowEval"] is False and json.loads(config)["historyCacheSize"] == 0


def test_the_checks_of_a_deployment_find_nothing(monkeypatch):
    # Browser tests of the same process set it.
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    assert [found for found in checks.run_checks(include_deployment_checks=True) if not found.is_silenced()] == []


def test_answers_of_the_api_are_private_too(api, alice, w):
    answer = api(alice).get(w)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["{w}", "{w}/jobs/none", "/mlflow/v1.0{w}/version", "/mlflow/v1.0{w}", "/pypi/simple", "/nodes/x"]
)
def test_the_api_middleware_gives_the_same_responses_as_that_of_pages(api, alice, w, path):
    token = factories.make_token(alice)
    address = path.format(w=w)
    by_few = api(token).get(address)
    by_all = Client(headers={"Authorization": f"Bearer {token}"}).get(address)
    assert by_few.status_code == by_all.status_code
    few, every = (answer.content.replace(answer.headers["X-Request-Id"].encode(), b"") for answer in (by_few, by_all))
    assert few == every
    for answer in (by_few, by_all):
        del answer.headers["X-Request-Id"]
    # Pages have none.
    del by_few.headers["ETag"]
    # A redirect to the address with a slash is made outside of the middleware that sets this one for pages.
    assert {**by_few.headers} == {"X-Frame-Options": "SAMEORIGIN", **by_all.headers}


def test_the_api_leaves_out_only_middleware_for_pages():
    only_pages = [
        "security.SecurityMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "clickjacking.XFrameOptionsMiddleware",
        "SecurityHeaders",
        "Compression",
        "RepeatedPolls",
        "Sessions",
        "Csrf",
        "People",
        "FormsWithFiles",
        "PagesNeedSignIn",
        "AccountMiddleware",
        "Guards",
        "GuardViewAs",
        "Messages",
        "Htmx",
        "Errors",
    ]
    left_out = [path for path in settings.MIDDLEWARE if path not in settings.API_MIDDLEWARE]
    assert len(left_out) == len(only_pages)
    assert all(path.endswith(tuple(only_pages)) for path in left_out)


def test_a_packed_answer_of_the_api_is_as_long_as_it_says(api, alice):
    sizes = "/subscriptions/sub-1/providers/Microsoft.MachineLearningServices/locations/here/vmSizes"
    answer = api(alice).client.get(sizes, headers={"accept-encoding": "gzip"})
    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_the_api_refuses_a_foreign_host(api, alice, w):
    assert api(alice).client.get(w, headers={"host": "evil.example.org"}).status_code == 400


def test_scripts_and_other_sites_cannot_read_the_session_cookie(db):
    factories.make_user("olga", password="a-long-enough-secret")
    answer = Client().post("/signin/", {"username": "olga", "password": "a-long-enough-secret"})
    assert set(answer.cookies) == {"sessionid", "csrftoken", "known_device"}
    for cookie in answer.cookies.values():
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["secure"]


def test_with_https_cookies_are_sent_by_https_only(tmp_path):
    program = (
        "from studio import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_NAME)"
    )
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    for path, prefix in (("", "__Host-"), ("/tools/lazuli", "__Secure-")):
        url = f"https://studio.example.org{path}"
        env = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": url}
        said = subprocess.run(
            [sys.executable, "-c", program], cwd=root, env=env, capture_output=True, text=True, check=True
        )
        assert said.stdout.split() == ["True", "True", f"{prefix}sessionid"]


def test_signing_in_replaces_an_existing_session(db):
    factories.make_user("olga", password="a-long-enough-secret")
    client = Client()
    client.session.save()
    client.cookies["sessionid"] = planted = "0123456789abcdef0123456789abcdef"
    client.post("/signin/", {"username": "olga", "password": "a-long-enough-secret"})
    assert client.cookies["sessionid"].value != planted


def test_the_description_of_the_api_opens_to_sessions_and_tokens_alone(api, as_user, bob):
    assert Client().get("/api/openapi.json").status_code == 401
    assert api("lz_wrong").get("/api/openapi.json").status_code == 401
    by_token, by_session = api(bob).get("/api/openapi.json"), as_user(bob).get("/api/openapi.json")
    assert by_token.status_code == by_session.status_code == 200
    assert by_token.json() == by_session.json()


def test_every_reference_of_the_description_leads_somewhere(api, bob):
    described = api(bob).get("/api/openapi.json").json()
    text = json.dumps(described)
    known = described["components"]["schemas"]
    names = {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}
    assert names and all(name.removeprefix("#/components/schemas/") in known for name in names)


def test_every_write_of_the_api_has_its_body_described(api, bob):
    described = api(bob).get("/api/openapi.json").json()
    # These take no body at all.
    bare = ("/cancel", "/listKeys", "/listNodes", "/heartbeat", "/token", "/claim", "/start", "/restore")
    bare += ("/stop", "/restart", "/test", "/setDefault", "/listSecrets", "/listkeys", "/leave")
    bare += (
        "/block",
        "/unblock",
        "/endSessions",
        "/moveToFront",
        "/drain",
        "/reopen",
        "/detach",
        "/end",
        "/v1.0/backups",
        "/exportLabels",
        "/undo",
        "/storage/sweep",
    )
    bare += ("/history/v1.0" + W + "/experiments/{name}",)
    missing = [
        f"{method} {path}"
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if method in ("put", "post", "patch") and "requestBody" not in operation and not path.endswith(bare)
    ]
    assert missing == []


def test_files_of_a_form_are_stored_for_those_who_are_signed_in(client, as_user, alice, settings, monkeypatch):
    monkeypatch.setattr(
        "django.http.request.HttpRequest.parse_file_upload", lambda *parts: pytest.fail("it was stored")
    )
    file = SimpleUploadedFile("a.zip", b"x" * 100_000)
    assert client.post("/signin/", {"file": file}).status_code == 403
    settings.SNAPSHOT_MAX_BYTES = 90_000
    answer = as_user(alice).post("/ws/aml-workspace/", {"file": SimpleUploadedFile("a.zip", b"x" * 100_000)})
    assert answer.status_code == 413
    assert "The form is larger than" in answer.content.decode()
