"""How the runner repeats what a server that is busy or full has not taken."""

import pytest
from lazuli.errors import ServiceException
from lazuli.runner import run_api


@pytest.fixture
def slept(monkeypatch):
    found = []
    monkeypatch.setattr(run_api.time, "sleep", found.append)
    return found


def refuse(*statuses, retry_after=None):
    """An action that is answered with each of these, and then succeeds."""
    left = list(statuses)

    def act():
        if not left:
            return "done"
        error = ServiceException("The disk of the studio is full.", status_code=left.pop(0))
        error.retry_after = retry_after
        raise error

    return act


def test_the_server_says_when_to_come_again(slept):
    assert run_api.retry_while_unavailable(refuse(503, 503, retry_after=2.0)) == "done"
    assert min(slept) >= 2.0


def test_a_full_disk_is_waited_for_and_said_once(slept, capsys):
    assert run_api.retry_while_unavailable(refuse(507, 507, 507)) == "done"
    assert len(slept) == 3
    assert capsys.readouterr().err.count("The disk of the studio is full. Trying again for up to") == 1


def test_what_is_refused_is_not_repeated(slept):
    with pytest.raises(ServiceException):
        run_api.retry_while_unavailable(refuse(409))
    assert slept == []
