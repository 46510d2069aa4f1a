import pytest
from obstore.store import MemoryStore

from studio import storage


@pytest.fixture(autouse=True)
def bytes_in_memory(monkeypatch):
    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
