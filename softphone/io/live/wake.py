"""What an audio callback wakes the filtering thread with: a post that never waits."""

import threading


class Wake:
    """A binary semaphore made of a lock that is held while nothing was posted.

    A post that finds one that was not seen yet adds nothing: who waits looks at all there is when it wakes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def post(self) -> None:
        """Wake who waits, or who will wait next; from any thread, without waiting."""
        try:
            self._lock.release()
        except RuntimeError:  # it is free: a post is waiting to be seen
            return

    def wait(self, seconds: float) -> bool:
        """Wait for a post, at most so long; whether there was one. For one thread."""
        return self._lock.acquire(timeout=seconds)
