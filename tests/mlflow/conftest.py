import pytest

from runs.mlflow import doors
from tests.mlflow.tracking import Tracking


@pytest.fixture(autouse=True)
def closed_doors():
    """Who was let in by one test is a stranger to the next."""
    doors.forget()


@pytest.fixture
def tracking(api, alice, workspace):
    return Tracking(api(alice), workspace)
