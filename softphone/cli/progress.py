"""Long work at a terminal: a progress bar while it lasts, and a clean end when it is asked to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Bar:
    """A progress bar on standard error, made when there is something to show.

    Args:
        what: is being done, in a word.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._progress: Any = None
        self._task: Any = None

    def show(self, share: float) -> None:
        """Show that *share* is done, from 0 to 1."""
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._task = self._progress.add_task(self._what, total=1.0)
            self._progress.start()
        self._progress.update(self._task, completed=share)
        self._progress.refresh()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def stopping() -> Iterator[None]:
    """Let the signals that ask a program to stop all do what Ctrl-C does, and only once: what follows is cleaning up."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    before: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    try:
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: it is to live on
                before[number] = signal.signal(number, stop)
    except ValueError:  # not the main thread, which alone is told of signals
        before.clear()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
