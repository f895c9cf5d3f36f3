"""Runs commands as the installed program does, in this process."""

import sys
from types import SimpleNamespace

import pytest

from latchwork.cli import main


@pytest.fixture
def latchwork(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["latchwork", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code
        seen = capsys.readouterr()
        return SimpleNamespace(status=status, out=seen.out, err=seen.err)

    return run
