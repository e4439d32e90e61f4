"""Filters are found by their files' names and imported when they are asked for."""

import subprocess
import sys

import pytest

from dsp.errors import UnknownName
from dsp.filters import filters


def test_each_filter_lies_in_the_file_of_its_name() -> None:
    for name in filters.names():
        spec = filters.get(name)
        assert spec.name == name
        assert spec.build.__module__.startswith(f"dsp.filters.{name.replace('-', '_')}")


def test_one_filter_is_imported_without_the_others() -> None:
    code = (
        "import sys; from dsp.filters import filters; filters.get('gain');"
        "print(sum(name.startswith('dsp.filters.') for name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == 2  # base and gain


def test_a_name_there_is_not_lists_those_there_are() -> None:
    with pytest.raises(UnknownName, match="gain"):
        filters.get("gian")
