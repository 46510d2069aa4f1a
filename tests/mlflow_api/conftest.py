import pytest

from tests.mlflow_api.tracking import Tracking


@pytest.fixture
def tracking(api, alice, workspace):
    return Tracking(api(alice), workspace)
