"""The code on the tab Consume, run as it is copied."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

import pytest

from endpoints import snippets

EXAMPLE = {"data": [[1, 2.5, None]], "text": 'it\'s "quoted" \\\\ `${x}` and é', "empty": "", "yes": True}
COMMANDS = {"curl": ["sh", "-c"], "python": [sys.executable, "-c"], "javascript": ["node", "-e"]}


@pytest.fixture
def service():
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((json.loads(body), self.headers["Content-Type"], self.headers["Authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"answer": 42}')

        def log_message(self, *arguments):
            return None

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.seen = seen
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("has_key", [True, False])
def test_the_code_sends_the_example_with_the_key(service, has_key):
    code = snippets.write_all(f"http://127.0.0.1:{service.server_port}/score", EXAMPLE, has_key)
    assert [snippet.label for snippet in code] == ["curl", "Python", "R", "C#", "JavaScript"]
    for snippet in code:
        command = COMMANDS.get(snippet.name)
        if command and shutil.which(command[0]):
            done = subprocess.run(
                [*command, snippet.text],
                capture_output=True,
                text=True,
                env={**os.environ, "KEY": "s3cret"},
                timeout=30,
                check=False,
            )
            assert "42" in done.stdout, (snippet.name, done.stderr)
            assert service.seen.pop() == (EXAMPLE, "application/json", "Bearer s3cret" if has_key else None)
        assert ("KEY" in snippet.text) == has_key
