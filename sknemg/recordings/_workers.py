"""Data that the workers of a Dask cluster keep while joblib hands out work on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["kept_by_workers"]


@contextmanager
def kept_by_workers(*data: Any) -> Iterator[None]:
    """Send data to every worker of a Dask cluster once, before joblib hands out work on them.

    By itself, joblib hands large arguments to one worker, from which others fetch them: they are
    lost if it dies. Data that were handed to ``parallel_config(scatter=)`` are there already.
    Without ``joblib.parallel_config("dask")``, nothing is done. The copies stay where the active
    memory manager of the scheduler is off (``distributed.scheduler.active-memory-manager.start``);
    else it drops all but one.

    Parameters
    ----------
    *data : object
        Arguments of the work, the very objects.
    """
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    known = getattr(backend, "data_futures", None)  # of joblib's backend for Dask alone
    if known is None:
        yield
        return
    backend.effective_n_jobs(-1)  # waits for the first worker, or says that there is none
    new = list({id(one): one for one in data if id(one) not in known}.values())
    if not new:  # which cannot be scattered
        yield
        return
    futures = backend.client.scatter(new, broadcast=True, hash=False)
    known.update({id(one): future for one, future in zip(new, futures, strict=True)})
    try:
        yield
    finally:
        for one in new:
            del known[id(one)]
