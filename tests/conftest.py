"""What every test runs under: one thread for torch, and Hypothesis without deadlines or chance."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "latchwork",
    deadline=None,
    derandomize=True,
    max_examples=25,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("latchwork")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The machines that run this share their cores; tests that leave torch alone do not pay for importing it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
