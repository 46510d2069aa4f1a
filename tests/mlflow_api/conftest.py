import pytest

from mlflow_api import sessions
from tests.mlflow_api.tracking import Tracking


@pytest.fixture(autouse=True)
def closed_doors():
    """Who was let in by one test is a stranger to the next."""
    sessions.clear_caches()


@pytest.fixture
def tracking(api, alice, workspace):
    return Tracking(api(alice), workspace)
