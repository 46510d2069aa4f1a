"""The log of a service's process, as the studio gets it."""

import io
import threading
import time

from lazuli.scoring.replica import MAX_LOG, Log, Refused


class Studio:
    """Refuses the first report."""

    def __init__(self):
        self.reports = []

    def open(self, path, body):
        self.reports.append(body)
        if len(self.reports) == 1:
            raise OSError("no way there")
        return io.BytesIO()


def test_lines_that_could_not_be_sent_come_with_the_next_report(monkeypatch, capsys):
    monkeypatch.setattr(Log, "_send_for_good", lambda log: None)
    studio = Studio()
    log = Log(studio)
    log.write("one\n")
    log.send()
    assert "The log could not be sent: no way there" in capsys.readouterr().err
    log.write("two\n")
    log.send()
    log.send()
    assert [report["log"] for report in studio.reports] == ["one\n", "one\ntwo\n", ""]


def test_a_state_is_known_no_earlier_than_the_lines_before_it():
    reports, is_slow = [], threading.Event()

    def open_slowly(path, body):
        if not is_slow.is_set():
            is_slow.set()
            time.sleep(0.3)
        reports.append((body["log"], body["state"]))
        return io.BytesIO()

    studio = Studio()
    studio.open = open_slowly
    log = Log(studio)
    log.write("Starting\n")
    assert is_slow.wait(20)
    log.set_state("ready")
    assert reports[:2] == [("Starting\n", "starting"), ("", "ready")]


def test_what_the_studio_refuses_is_not_sent_again(monkeypatch):
    monkeypatch.setattr(Log, "_send_for_good", lambda log: None)
    reports = []

    def open_refused(path, body):
        reports.append(body)
        raise Refused("422")

    studio = Studio()
    studio.open = open_refused
    log = Log(studio)
    log.write("x" * MAX_LOG + "end")
    log.add_requests([b'{"path": "too long"}'])
    for _ in range(3):
        log.send()
    # First without the requests, since the lines may be accepted; then without both.
    assert [(len(report["log"]), len(report["requests"])) for report in reports] == [(MAX_LOG, 1), (MAX_LOG, 0), (0, 0)]
