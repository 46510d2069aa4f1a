"""Studios for these tests, each on a folder and a port of its own."""

import pytest

from tests.up.running import Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory, request):
    """One studio for all tests of a module that leave it running; that of test_up.py begins with nothing."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    if request.path.name != "test_up.py":
        studio.with_tables()
    yield studio.start()
    studio.end()


@pytest.fixture
def own_studio(tmp_path, request):
    """A studio for one test that ends it; a parameter, given indirectly, is its further settings."""
    studio = Studio(tmp_path, **getattr(request, "param", {})).with_tables()
    yield studio
    studio.end()
