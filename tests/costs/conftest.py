import pytest
from obstore.store import MemoryStore

from studio import storage


@pytest.fixture(autouse=True)
def bytes_in_memory(monkeypatch):
    """Every test has a storage of its own, whose bytes are counted."""
    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
