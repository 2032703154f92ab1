"""Clusters: schedulers and workers in processes of their own give what one process gives."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import dask
import joblib
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, get_task_stream
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    MuapFeatures,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SubjectKFold,
    SubjectScorer,
)
from sknemg.archive import cluster as cluster_module
from sknemg.archive import read_archive
from sknemg.archive.partition import Partition
from sknemg.archive.results import PARTITIONS
from sknemg.archive.table import ArchiveTable
from sknemg.diagnosis import Diagnostician
from sknemg.evaluation import Protocol, evaluate
from sknemg.recordings._workers import kept_by_workers

pytestmark = pytest.mark.slow
PORTS = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}  # free ones
WAIT = 240  # s, since workers start slowly where others use the cores
#: By itself, a scheduler drops the copies of what all workers were given, and with the last worker
#: that has them, joblib's work is lost; so the guide turns that off.
COPIES = "distributed.scheduler.active-memory-manager.start"


def _start(request, tmp_path_factory):
    if request.param == "LocalCluster":
        with (
            dask.config.set({COPIES: False}),
            LocalCluster(processes=True, n_workers=2, threads_per_worker=1, **PORTS) as cluster,
        ):
            yield cluster.scheduler_address
        return
    yield from _by_commands(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="module", params=["LocalCluster", "dask scheduler"])
def address(request, tmp_path_factory):
    """Two workers of one thread each, each in its process, and a scheduler."""
    yield from _start(request, tmp_path_factory)


@pytest.fixture(params=["LocalCluster", "dask scheduler"])
def mortal(request, tmp_path_factory):
    """Give the address of a cluster for one test, which may kill a worker of it."""
    yield from _start(request, tmp_path_factory)


def _by_commands(folder):
    """Start what the guide says, on the loopback device."""
    known = folder / "scheduler.json"
    common = ["--no-dashboard", "--scheduler-file", str(known)]
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0", *common]
    worker = ["worker", "--host", "127.0.0.1", "--nworkers", "2", "--nthreads", "1", *common]
    environment = os.environ | {
        "DASK_" + COPIES.replace("-", "_").replace(".", "__").upper(): "False"
    }
    started = []
    try:
        for command in (scheduler, worker):
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *command],
                    cwd=folder,
                    env=environment,
                    stderr=subprocess.DEVNULL,
                )
            )
            wait_until(known.exists)
        with Client(scheduler_file=str(known), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=WAIT)
            found = client.scheduler.address
        assert found.startswith("tcp://127.0.0.1:")
        yield found
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


@pytest.fixture
def client(address):
    with Client(address) as client:
        client.wait_for_workers(2, timeout=WAIT)
        yield client


def wait_until(condition, seconds=WAIT):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def hold(client, victim):
    """Stop a worker so that it keeps what it has to do, and return what kills it."""
    pid = client.run(os.getpid, workers=[victim])[victim]
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGKILL)


# -- archives ----------------------------------------------------------------------------------


def command(model, archive, out, *more):
    return [
        *(sys.executable, "-m", "sknemg", "diagnose", "--model", str(model)),
        *("--archive", str(archive), "--out", str(out), "--partition", "1"),
        *("--file-sfreq", "1000", "--unit", "mV", *more),
    ]


def assert_same(one, other):
    one, other = read_archive(one), read_archive(other)
    assert one.n_missing == other.n_missing == 0
    assert_frame_equal(one.recordings, other.recordings)
    assert_frame_equal(one.subjects, other.subjects)


def test_the_command_on_a_cluster_writes_what_one_process_writes(
    client, address, model, archive, tmp_path
):
    subprocess.run(command(model, archive, tmp_path / "one", "--jobs", "1"), check=True)
    with get_task_stream(client) as stream:
        subprocess.run(
            command(model, archive, tmp_path / "two", "--scheduler", address), check=True
        )
    assert len(stream.data) == 4
    assert_same(tmp_path / "one", tmp_path / "two")


def slept(task, rows, problems):
    time.sleep(0.1)
    return Partition(pd.DataFrame(), pd.DataFrame(), ())


def kept_calls(dask_worker):
    """Tell how many trees of calls a worker keeps, of which Dask adds one a second."""
    return len(dask_worker.profile_history)


def test_own_workers_keep_memory_for_the_next_recording_and_no_record_of_calls(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    with cluster_module.connected(2, None, None) as client:
        found = client.run(os.environ.get, "MALLOC_TRIM_THRESHOLD_")
        time.sleep(2.5)
        calls = client.run(kept_calls)
    assert len(found) == len(calls) == 2 and set(found.values()) == {None}
    assert set(calls.values()) == {0}  # with which a worker's memory grows by the hour


def test_an_address_that_is_none_is_refused_before_a_client_waits_for_it(monkeypatch):
    monkeypatch.setattr("distributed.Client", None)
    for address in ("10.0.0.1", "http://10.0.0.1:8786", ""):
        with (
            pytest.raises(ConnectionError, match="start it, or correct the address"),
            cluster_module.connected(1, address, None),
        ):
            pass


def test_workers_that_come_later_get_work(monkeypatch):
    def come():
        wait_until(lambda: client.futures)  # 0 workers yet
        cluster.scale(4)

    in_flight = []
    monkeypatch.setattr(cluster_module, "diagnose_partition", slept)
    monkeypatch.setattr(
        cluster_module, "write_partition", lambda *what: in_flight.append(len(client.futures))
    )
    parts = [pd.DataFrame({"subject": ["a"]}, index=[row]) for row in range(40)]
    archive = ArchiveTable(pd.concat(parts), {}, "archive.csv", "")
    with (
        LocalCluster(n_workers=0, threads_per_worker=1, processes=False, **PORTS) as cluster,
        Client(cluster, set_as_default=False) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        coming = pool.submit(come)
        cluster_module.compute(client, None, archive, parts, range(40), None, False)
        coming.result()
    assert len(in_flight) == 40 and max(in_flight) > 9  # three for each worker, at most


def test_a_worker_that_is_killed_changes_nothing_in_an_archive(mortal, model, archive, tmp_path):
    with Client(mortal, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=WAIT)
        victim = next(iter(client.nthreads()))
        kill = hold(client, victim)
        out = tmp_path / "two"
        with subprocess.Popen(command(model, archive, out, "--scheduler", mortal)) as process:
            done = out / PARTITIONS
            wait_until(
                lambda: done.is_dir() and any(one.name.isdecimal() for one in done.iterdir())
            )
            assert client.processing()[victim]
            assert read_archive(out).n_missing
            kill()
            assert process.wait(WAIT) == 0
        assert victim not in client.nthreads()
    subprocess.run(command(model, archive, tmp_path / "one"), check=True)
    assert_same(tmp_path / "one", out)


#: A network of its own, with a scheduler in one namespace and a worker in another: two machines,
#: as far as the network is concerned.
NETWORK = """
set -e
ip link set lo up
unshare --net sleep 600 & other=$! started=$other
trap 'kill $started 2> /dev/null || true; wait' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.1; done
ip link add near type veth peer name far netns $other
ip address add 10.77.0.1/24 dev near; ip link set near up
there="nsenter --target $other --net"
$there ip address add 10.77.0.2/24 dev far; $there ip link set far up; $there ip link set lo up
$PYTHON -m dask scheduler --host 10.77.0.1 --port 8786 --no-dashboard 2> scheduler.log &
started="$! $started"
$there $PYTHON -m dask worker tcp://10.77.0.1:8786 --nthreads 1 --no-dashboard 2> worker.log &
started="$! $started"
"$@" --scheduler tcp://10.77.0.1:8786
"""


def test_scheduler_and_worker_in_networks_of_their_own(model, archive, tmp_path):
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("needs unshare, nsenter and ip, as Linux has them")
    inside = ["unshare", "--map-root-user", "--net", "sh", "-c"]
    tried = "ip link add near type veth peer name far"
    if subprocess.run([*inside, tried], capture_output=True).returncode:
        pytest.skip("this system lets nobody make networks: see unshare(1)")
    words = command(model, archive, tmp_path / "two")
    env = os.environ | {"PYTHON": sys.executable}
    subprocess.run(
        [*inside, NETWORK, "sh", *words], cwd=tmp_path, env=env, check=True, timeout=2 * WAIT
    )
    assert "tcp://10.77.0.2" in (tmp_path / "worker.log").read_text()
    subprocess.run(command(model, archive, tmp_path / "one"), check=True)
    assert_same(tmp_path / "one", tmp_path / "two")


# -- searches and evaluations ------------------------------------------------------------------


@pytest.fixture(scope="module")
def cohort():
    n = 180  # of which the numbers of a fold's rows, too, take what joblib holds for large, 1 kB
    y = np.repeat(["myopathy", "neuropathy"], n // 2)
    size = np.where(y == "myopathy", 0.45, 0.55)
    signals = np.random.default_rng(0).normal(0, size[:, None], (n, 500))
    return Recordings(signals, sfreq=1000, subject=np.repeat(np.arange(n // 2), 2)), y


FEW = np.r_[:12, -12:0]


def searched(X, y):
    votes = DiVoteClassifier(LinearDiscriminantAnalysis(solver="lsqr"))
    search = GridSearchCV(
        make_pipeline(Segmenter(), SegmentFeatures(), votes),
        {"divoteclassifier__estimator__shrinkage": [0.01, 0.1, 0.5, 0.9]},
        cv=SubjectKFold(3),
        scoring=SubjectScorer("neg_log_loss"),
    )
    search.fit(X, y)
    return np.array([search.cv_results_[f"split{fold}_test_score"] for fold in range(3)])


def evaluated(X, y):
    votes = DiVoteClassifier(LinearDiscriminantAnalysis())
    pipe = make_pipeline(Segmenter(), SegmentFeatures(), votes)
    found = evaluate(pipe, X, y, protocol=Protocol("three folds", n_splits=3, n_repeats=2))
    return found.recordings.filter(like="myopathy").to_numpy()


def voted(X, y):
    votes = DiVoteClassifier(
        LinearDiscriminantAnalysis(), final_estimator=LogisticRegression(), cv=6
    )
    return make_pipeline(Segmenter(), SegmentFeatures(), votes).fit(X, y).predict_proba(X)


def calibrated(X, y):
    votes = DiVoteClassifier(LinearDiscriminantAnalysis())
    pipe = make_pipeline(Segmenter(), SegmentFeatures(), votes)
    return Diagnostician(pipe, cv=3).fit(X, y).out_of_fold_proba_


@pytest.mark.parametrize("task", [searched, evaluated, voted, calibrated])
def test_joblib_on_a_cluster_gives_the_bits_of_one_process(client, cohort, task):
    expected = task(*cohort)
    with get_task_stream(client) as stream, joblib.parallel_config("dask"):
        found = task(*cohort)
    assert len({one["worker"] for one in stream.data}) == 2
    assert np.unique(expected).size > 4
    assert_array_equal(found, expected)


def count_arrivals():
    """Note, in a worker, the bytes of all recordings that reach it from now on."""
    from sknemg.recordings import recordings

    def rebuild(items, *others):
        recordings._arrived.append(items.nbytes)
        return recordings._rebuilt(items, *others)

    recordings._arrived = []
    if not hasattr(recordings, "_rebuilt"):
        recordings._rebuilt = recordings._rebuild
        recordings._rebuild = rebuild  # by which name they are pickled


def arrivals():
    from sknemg.recordings import recordings

    return recordings._arrived


def test_data_that_every_worker_has_are_not_sent_again(client, cohort):
    with joblib.parallel_config("dask", scatter=[*cohort]), kept_by_workers(*cohort):
        found = joblib.Parallel()(joblib.delayed(len)(X) for X in [cohort[0]] * 2)
    assert found == [180, 180]


def measured(X, y):
    of_templates = MuapFeatures(return_templates=True)  # which no process remembers
    return of_templates.transform(X.with_columns(sfreq=10_000.0))


@pytest.mark.parametrize("task", [searched, evaluated, voted, calibrated, measured])
def test_data_are_sent_to_each_worker_once(client, cohort, task):
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # which no worker can import
    client.run(count_arrivals)
    with get_task_stream(client) as stream, joblib.parallel_config("dask"):
        task(*cohort)
    worked = {one["worker"] for one in stream.data}
    found = client.run(arrivals)
    assert len(worked) == 2
    assert all(len(found[worker]) == 1 for worker in worked), found


@pytest.mark.parametrize("task", [searched, evaluated, voted])
def test_a_worker_that_is_killed_changes_nothing_for_joblib(mortal, cohort, task):
    X, y = cohort
    if task is searched:  # of so few that joblib sends the rows of a fold with the work
        X, y = X[FEW], y[FEW]
    expected = task(X, y)

    def on_the_cluster():
        with joblib.parallel_config("dask", scatter=[X, y] if task is searched else None):
            return task(X, y)

    with Client(mortal) as client, ThreadPoolExecutor(1) as pool:
        client.wait_for_workers(2, timeout=WAIT)
        victim = next(iter(client.nthreads()))
        running = pool.submit(on_the_cluster)
        wait_until(lambda: client.processing().get(victim) or running.done())
        kill = hold(client, victim)
        time.sleep(0.3)
        assert client.processing()[victim]
        kill()
        assert_array_equal(running.result(WAIT), expected)
        assert victim not in client.nthreads()
