"""Code that calls a service: it runs as it is copied, with the key in the environment variable KEY."""

import dataclasses
import json
import shlex
from typing import Any


@dataclasses.dataclass(frozen=True)
class Snippet:
    name: str
    label: str
    text: str


def write_all(uri: str, example: Any, has_key: bool) -> list[Snippet]:
    """The code by language, for this body of a request."""
    body = json.dumps(example)
    return [
        Snippet("curl", "curl", _write_curl(uri, body, has_key)),
        Snippet("python", "Python", _write_python(uri, example, has_key)),
        Snippet("r", "R", _write_r(uri, body, has_key)),
        Snippet("csharp", "C#", _write_csharp(uri, body, has_key)),
        Snippet("javascript", "JavaScript", _write_javascript(uri, body, has_key)),
    ]


def _write_curl(uri: str, body: str, has_key: bool) -> str:
    key = ' \\\n  -H "Authorization: Bearer $KEY"' if has_key else ""
    return f"curl -X POST {uri} \\\n  -H 'Content-Type: application/json'{key} \\\n  -d {shlex.quote(body)}"


def _write_python(uri: str, example: Any, has_key: bool) -> str:
    key = "\nheaders['Authorization'] = 'Bearer ' + os.environ['KEY']" if has_key else ""
    return (
        f"import json{', os' if has_key else ''}, urllib.request\n\n"
        f"headers = {{'Content-Type': 'application/json'}}{key}\n"
        f"body = json.dumps({example!r}).encode()\n"
        f'request = urllib.request.Request("{uri}", body, headers)\n'
        "print(json.load(urllib.request.urlopen(request)))"
    )


def _write_r(uri: str, body: str, has_key: bool) -> str:
    key = "  add_headers(Authorization = paste(\"Bearer\", Sys.getenv('KEY'))),\n" if has_key else ""
    return (
        "library(httr)\n\n"
        f'body <- r"---({body})---"\n'
        f'response <- POST(\n  "{uri}",\n{key}  content_type_json(),\n  body = body\n)\n'
        'cat(content(response, "text"))'
    )


def _write_csharp(uri: str, body: str, has_key: bool) -> str:
    key = (
        "client.DefaultRequestHeaders.Authorization =\n"
        '    new AuthenticationHeaderValue("Bearer", Environment.GetEnvironmentVariable("KEY"));\n'
    )
    # JSON never has three quotation marks in a row, which end this kind of text.
    return (
        "using System.Net.Http.Headers;\nusing System.Text;\n\n"
        f"var client = new HttpClient();\n{key if has_key else ''}"
        f'var body = """\n{body}\n""";\n'
        'var content = new StringContent(body, Encoding.UTF8, "application/json");\n'
        f'var response = await client.PostAsync("{uri}", content);\n'
        "Console.WriteLine(await response.Content.ReadAsStringAsync());"
    )


def _write_javascript(uri: str, body: str, has_key: bool) -> str:
    key = ", Authorization: `Bearer ${process.env.KEY}`" if has_key else ""
    return (
        f"const body = {body};\n\n"
        f'fetch("{uri}", {{\n  method: "POST",\n'
        f'  headers: {{"Content-Type": "application/json"{key}}},\n  body: JSON.stringify(body),\n'
        "})\n  .then((response) => response.json())\n  .then((answer) => console.log(answer));"
    )
