"""What `wait_for_completion` prints, against a run whose server is a list of answers."""

import io
import sys

import pytest
from azureml.exceptions import ActivityFailedException, ExperimentExecutionException
from lazuli import errors
from lazuli.console import print_text
from lazuli.runs import waiting

LOG = "user_logs/std_log.txt"


class Files:
    def __init__(self, contents):
        self.contents = contents

    def read_from(self, name, offset):
        return self.contents[name][offset:]


class Run:
    """Each poll moves it one answer on."""

    id = "run_1"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.files = Files({})

    def get_portal_url(self):
        return "http://studio/runs/run_1"

    def get_details(self):
        details, logs = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.files.contents = logs
        return dict(details, logFiles=dict.fromkeys(logs, "url"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0)


def wait(run, show_output=True, raise_on_error=True):
    return waiting.wait_for_run(run, run.files, show_output, waiting.RUNNING_STATES, raise_on_error)


def test_it_prints_headings_new_lines_and_a_summary(capsys):
    run = Run(
        ({"status": "Running"}, {}),
        ({"status": "Running"}, {LOG: b"one\n"}),
        ({"status": "Finalizing"}, {LOG: b"one\ntwo \xc3"}),
        ({"status": "Completed"}, {LOG: b"one\ntwo \xc3\xa9\n"}),
    )
    assert wait(run)["status"] == "Completed"
    assert capsys.readouterr().out == (
        "RunId: run_1\nWeb View: http://studio/runs/run_1\n"
        f"\nStreaming {LOG}\n{'=' * (len(LOG) + 10)}\n\none\ntwo é\n"
        f"\nExecution Summary\n{'=' * 17}\nRunId: run_1\nWeb View: http://studio/runs/run_1\n\n"
    )


def test_one_log_after_the_other(capsys):
    build = "azureml-logs/20_image_build_log.txt"
    run = Run(
        ({"status": "Preparing"}, {build: b"building\n"}),
        ({"status": "Running"}, {build: b"building\ndone\n", LOG: b"first\n"}),
        ({"status": "Completed"}, {build: b"building\ndone\n", LOG: b"first\n"}),
    )
    wait(run)
    printed = capsys.readouterr().out
    order = [printed.index(text) for text in ("building", "done", f"Streaming {LOG}", "first")]
    assert order == sorted(order)


def test_an_ended_run_prints_no_log(capsys):
    wait(Run(({"status": "Completed"}, {LOG: b"one\n"})))
    assert "one" not in capsys.readouterr().out


@pytest.mark.parametrize("show_output", [True, False])
def test_a_failed_run_raises_its_error(show_output):
    failed = Run(({"status": "Running"}, {}), ({"status": "Failed", "error": {"error": {"message": "boom"}}}, {}))
    with pytest.raises(ActivityFailedException, match="boom"):
        wait(failed, show_output)


def test_or_shows_it(capsys):
    failed = Run(({"status": "Failed", "error": {"error": {"message": "boom"}}, "warnings": [{"message": "hm"}]}, {}))
    assert wait(failed, raise_on_error=False)["status"] == "Failed"
    printed = capsys.readouterr().out
    assert '"message": "boom"' in printed
    assert "Warnings:\nhm" in printed


def test_canceled_is_no_error_and_a_cancel_request_ends_a_silent_wait():
    assert wait(Run(({"status": "Canceled"}, {})))["status"] == "Canceled"
    assert wait(Run(({"status": "CancelRequested"}, {})), show_output=False)["status"] == "CancelRequested"


def test_a_silent_wait_lasts_until_the_outputs_are_there():
    run = Run(({"status": "Running"}, {}), ({"status": "Finalizing"}, {}), ({"status": "Completed"}, {}))
    assert wait(run, show_output=False)["status"] == "Completed"


def test_a_server_that_is_away_is_waited_for(capsys):
    class Away(Run):
        calls = 0

        def get_details(self):
            self.calls += 1
            if self.calls == 2:
                raise errors.Unreachable("no answer")
            return super().get_details()

    run = Away(({"status": "Running"}, {}), ({"status": "Completed"}, {}))
    assert wait(run, show_output=False)["status"] == "Completed"
    assert "Waiting for the server: no answer" in capsys.readouterr().err


def test_interrupted_the_run_goes_on():
    class Interrupted(Run):
        def get_details(self):
            raise KeyboardInterrupt

    with pytest.raises(ExperimentExecutionException, match="still executing"):
        wait(Interrupted(({"status": "Running"}, {})), show_output=False)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["user_logs/std_log.txt", "azureml-logs/70_driver_log.txt", "outputs/a.txt", "logs/x.txt"], 2),
        (["user_logs/std_log_process_00.txt", "user_logs/std_log_process_01.txt"], 1),
        (["user_logs/std_log.txt", "user_logs/std_log_process_00.txt", "user_logs/std_log_process_01.txt"], 1),
        (["azureml-logs/70_driver_log-worker-0.txt", "azureml-logs/70_driver_log-worker-1.txt"], 1),
        (["system_logs/a.log", "azureml-logs/x.txt"], 0),
    ],
)
def test_streamable(names, shown):
    assert len(waiting.select_streamable_logs(names)) == shown


def test_a_console_that_does_not_know_a_character_prints_a_replacement(monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    print_text("Größe ✓ done")
    console.flush()
    assert console.buffer.getvalue().decode("cp1252").splitlines() == ["Größe ? done"]
