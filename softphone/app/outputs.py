"""Whether pictures and reports can be made, asked before the work that they are to show."""

import os
from importlib.util import find_spec

from softphone.errors import EnvironmentProblem, UsageError
from softphone.io.target import check_target
from softphone.measure_config import Grid


def check_outputs(options: Grid, *, report: str | None = None) -> None:
    """See to it, before any work, that what is asked for can be drawn and written.

    Raises:
        SoftphoneError: matplotlib is missing, or a file exists or cannot be written.
    """
    for option, path, endings in (
        ("--plot", options.plot, (".png",)),
        ("--report", report, (".html", ".htm")),
    ):
        if path is None:
            continue
        if option == "--plot" and find_spec("matplotlib") is None:
            raise EnvironmentProblem('--plot needs matplotlib: pip install "softphone[plots]"')
        if not path.lower().endswith(endings):
            raise UsageError(f"{option} {path} must end in {' or '.join(endings)}")
        check_target(path, force=options.force)
        folder = os.path.dirname(os.path.realpath(path))
        if not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
            raise EnvironmentProblem(
                f"{option} {path} cannot be written: choose a folder that exists and is writable"
            )
