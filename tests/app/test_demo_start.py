"""The demo where no process can be started."""

import asyncio

import pytest

from softphone.app import demo
from softphone.config import DemoOptions
from softphone.errors import EnvironmentProblem


def test_an_interpreter_that_does_not_start_is_a_problem_of_the_system(monkeypatch, tmp_path):
    monkeypatch.setattr(demo.sys, "executable", "/no/such/python")
    with pytest.raises(EnvironmentProblem, match="wants to start /no/such/python, got No such file"):
        asyncio.run(demo.demo(DemoOptions(out=str(tmp_path)), print, stop=asyncio.Event()))
