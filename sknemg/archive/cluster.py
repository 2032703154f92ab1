"""The workers of a Dask cluster, and the partitions of an archive that they compute."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sknemg.archive.partition import Partition, Task, diagnose_partition
from sknemg.archive.results import write_partition
from sknemg.archive.table import ArchiveTable
from sknemg.recordings._problems import capped

_IN_FLIGHT = 3  # partitions for each thread of the cluster that are computed, queued or fetched


class UnfinishedArchiveError(ChildProcessError):
    """Partitions whose workers died; all others are kept.

    Attributes
    ----------
    partitions : dict of int to str
        Their numbers, and what happened to each.
    """

    def __init__(self, partitions: dict[int, str], n_partitions: int, whose: list[str]):
        self.partitions = partitions
        why = "; ".join(dict.fromkeys(partitions.values()))
        super().__init__(
            f"{len(partitions)} of {n_partitions} partitions are missing ({why}), with subjects "
            f"{capped(whose)}: give workers more memory, fewer `n_jobs` or a smaller "
            "`partition_size` in a new folder, and run the same again; all others are kept."
        )
        self._content = partitions, n_partitions, whose

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._content


#: What own workers have otherwise than Dask. It has its workers give memory back at once
#: (``MALLOC_TRIM_THRESHOLD_``); asking for it anew took as much of the processor as the work.
#: And it has them look a hundred times a second which functions run, and keep the trees of calls
#: of the last 1,000 seconds, which nobody reads: a worker grew by 0.2 to 0.4 MB a second.
OWN_WORKERS = {
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    "distributed.worker.profile.enabled": False,
}


@contextmanager
def connected(n_jobs: int, scheduler: str | None, memory_limit: str | int | None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine."""
    import dask.config
    from distributed import Client, LocalCluster
    from distributed.comm.addressing import resolve_address

    if scheduler is not None:
        try:
            resolve_address(scheduler)  # a client of none would wait for it at its own end
            client = Client(scheduler, timeout="20s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"scheduler={scheduler!r} does not answer ({error}): start it, or correct the "
                "address."
            ) from error
        with client:
            yield client
        return
    several = n_jobs > 1
    limit = "auto" if memory_limit is None else memory_limit
    with (
        dask.config.set(OWN_WORKERS),
        LocalCluster(
            n_workers=n_jobs,
            threads_per_worker=1,
            processes=several,
            memory_limit=limit if several else 0,
            dashboard_address="127.0.0.1:0",  # pages without a password: for this machine alone
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _scheduled() -> Iterator[None]:
    """Say what to do when the scheduler is lost."""
    from distributed.client import ClosedClientError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except (CancelledError, ClosedClientError, CommClosedError) as error:
        raise ConnectionError(
            f"The connection to the scheduler is lost ({type(error).__name__}): start it again, "
            "and run the same again; what was done is kept."
        ) from error


def compute(
    client: Any,
    task: Task,
    archive: ArchiveTable,
    parts: Sequence[Any],
    todo: Sequence[int],
    out: Path,
    progress: bool,
) -> None:
    """Compute partitions, a few in flight, and keep each as soon as it is there."""
    from distributed import KilledWorker, as_completed
    from tqdm import tqdm

    waiting = iter(todo)
    numbers: dict[Any, int] = {}
    lost: dict[int, str] = {}
    warned: dict[str, None] = {}

    def submit(number: int) -> Any:
        rows = parts[number]
        problems = {row: archive.problems[row] for row in rows.index if row in archive.problems}
        future = client.submit(diagnose_partition, task, rows, problems, pure=False, retries=0)
        numbers[future.key] = number
        return future

    def following() -> list[Any]:
        """Submit what is still to be in flight; workers may come while others compute."""
        n_threads = max(1, sum(client.nthreads().values()))
        room = max(0, _IN_FLIGHT * n_threads - len(numbers))
        return [submit(number) for number in islice(waiting, room)]

    running = as_completed(following(), loop=client.loop)
    n_rows = len(archive.rows)
    left = sum(len(parts[number]) for number in todo)
    bar = tqdm(
        total=n_rows,
        initial=n_rows - left,
        unit=" recordings",
        disable=not progress,
        smoothing=0.05,
    )

    def keep(future: Any) -> bool:
        """Keep a finished partition; return whether its workers were killed."""
        number = numbers.pop(future.key)
        try:
            found: Partition = future.result()
        except KilledWorker:
            future.release()
            return True
        except MemoryError:
            lost[number] = "the memory of a worker is used up"
        else:
            write_partition(out, number, found.recordings, found.subjects)
            warned.update(dict.fromkeys(found.warned if len(warned) < 100 else ()))
        future.release()
        bar.update(len(parts[number]))
        return False

    killed = []
    with bar, _scheduled():
        for future in running:
            number = numbers[future.key]
            if keep(future):
                killed.append(number)
            running.update(following())
        for number in killed:  # what waited at a worker dies with it: each alone shows which kills
            if len(killed) == 1 or keep(submit(number)):
                lost[number] = "their workers died repeatedly, as they do when memory runs out"
                bar.update(len(parts[number]))
    if warned:
        warnings.warn(
            f"{len(warned)} warning{'s' if len(warned) > 1 else ''} from the recordings, such as: "
            f"{next(iter(warned))}",
            stacklevel=3,
        )
    if lost:
        who = [str(name) for at in lost for name in parts[at]["subject"].dropna().unique()]
        raise UnfinishedArchiveError(lost, len(parts), who)
