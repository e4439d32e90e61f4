"""Many jobs of one kind: in this process, in several, or on a Dask cluster."""

import importlib
import importlib.util
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from softphone.errors import EnvironmentProblem, UsageError

Job = TypeVar("Job")
Done = TypeVar("Done")

CONNECT_S = 10.0


def work(
    function: Callable[[Job], Done],
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    dask: str | None = None,
    lost: Callable[[Job, str], Done] | None = None,
) -> Iterator[tuple[Job, Done]]:
    """Each job with what *function* made of it, in the order in which they are done.

    Args:
        function: of a module, so that other processes find it; jobs and results are plain data.
        workers: processes; 1: this one, where jobs are done in their order.
        dask: address of a scheduler, or ``local`` for a cluster of *workers* processes on this machine.
        lost: on Dask, what to make of a job whose workers died one after the other, told why; None: that ends all.

    Raises:
        EnvironmentProblem: no Dask, or no scheduler at that address.
        UsageError: *workers* is less than 1; whatever *function* raises comes through.
    """
    if workers < 1:
        raise UsageError(f"--workers must be 1 or more, got {workers}")
    if dask is not None:
        yield from _on_dask(function, jobs, workers, dask, lost)
    elif workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, function(job)
    else:
        yield from _in_processes(function, jobs, min(workers, len(jobs)))


def _quiet() -> None:
    """A worker leaves Ctrl-C to the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_processes(
    function: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Done]]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_quiet)
    finished = False
    try:
        waiting = {pool.submit(function, job): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
        finished = True
    except BrokenProcessPool:
        raise EnvironmentProblem(
            "a worker process died, for want of memory perhaps: what was done is kept; try fewer --workers"
        ) from None
    finally:
        if not finished:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
        else:
            pool.shutdown()


def _on_dask(
    function: Callable[[Job], Done],
    jobs: Sequence[Job],
    workers: int,
    address: str,
    lost: Callable[[Job, str], Done] | None,
) -> Iterator[tuple[Job, Done]]:
    if importlib.util.find_spec("distributed") is None:
        raise EnvironmentProblem('--dask needs Dask: pip install "softphone[dask]"')
    distributed: Any = importlib.import_module("distributed")

    cluster = None
    try:
        if address == "local":
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=None,
                host="127.0.0.1",
                silence_logs=logging.CRITICAL,
            )
        client = distributed.Client(cluster if cluster is not None else address, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise EnvironmentProblem(
            f"no Dask scheduler at {address} ({' '.join(str(error).split()) or type(error).__name__}): "
            "start one with `dask scheduler`, or give --dask local"
        ) from None
    try:
        # Equal jobs are done each on its own (pure=False), and a broken worker's job is not repeated for ever.
        futures = client.map(function, jobs, pure=False, retries=1)
        positions = {future.key: index for index, future in enumerate(futures)}
        for future in distributed.as_completed(futures):
            job = jobs[positions[future.key]]
            try:
                yield job, future.result()
            except distributed.scheduler.KilledWorker as error:
                if lost is None:
                    raise EnvironmentProblem(
                        f"workers of the cluster died, for want of memory perhaps: what was done is kept ({error})"
                    ) from None
                yield job, lost(job, " ".join(str(error).split()))
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
