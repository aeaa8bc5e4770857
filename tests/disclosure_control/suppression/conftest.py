import pytest

from disclosure_control.suppression import solve


@pytest.fixture
def quick(monkeypatch):
    """Without the exact method, whose results are tested apart."""
    monkeypatch.setattr(solve, "SMALL", 0)
