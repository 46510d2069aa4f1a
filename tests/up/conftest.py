"""Studios for these tests, each on a folder and a port of its own."""

import pytest

from tests.up.running import Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio for all tests of a module that leave it running."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio.start()
    studio.end()


@pytest.fixture
def own_studio(tmp_path):
    """A studio for one test that ends it."""
    studio = Studio(tmp_path)
    yield studio
    studio.end()
