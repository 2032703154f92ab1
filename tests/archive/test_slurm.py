"""The guide's example of a SLURM cluster, with stand-ins for the two commands of SLURM it calls."""

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from sknemg.archive import diagnose_archive, read_archive

pytestmark = pytest.mark.slow
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "archive.md"
#: SLURM keeps the script of a job, runs it on another machine, and says the job's number, by which
#: it is ended with all that it started. These do so on this machine.
SBATCH = """#!/bin/sh
cp "$1" "$JOBS/$$.sh"
setsid sh "$JOBS/$$.sh" > "$JOBS/$$.log" 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -- "-$1" && echo "$1" >> "$JOBS/ended"
"""
#: What of the example is another here: sizes of the machine, the files, and what they state.
HERE = {
    'cores=8, processes=8, memory="32GiB"': 'cores=2, processes=2, memory="4GiB"',
    "cluster.scale(jobs=10)": "cluster.scale(jobs=1)",
    '"/data/model"': "{model!r}",
    '"/data/archive.parquet"': "{archive!r}",
    '"results",': '"results", sfreq=1000, unit="mV", partition_size=1,',
}


def example(**files):
    text = GUIDE.read_text()
    start = text.index("from dask_jobqueue import")
    text = text[start : text.index("```", start)]
    for there, here in HERE.items():
        assert text.count(there) == 1
        text = text.replace(there, here.format(**files))
    return text


def test_jobs_of_slurm_bring_the_workers(model, archive, tmp_path):
    if sys.platform != "linux" or not all(map(shutil.which, ("sh", "setsid"))):
        pytest.skip("the stand-ins for SLURM need sh and setsid, as Linux has them")
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue, of the extra test")
    commands, jobs = tmp_path / "bin", tmp_path / "jobs"
    jobs.mkdir()
    commands.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    (tmp_path / "example.py").write_text(example(model=str(model), archive=str(archive)))
    # The settings of Dask and jobqueue are those of the example, not those of who runs the test.
    env = {name: value for name, value in os.environ.items() if not name.startswith("DASK_")}
    env |= dict.fromkeys(("HOME", "DASK_CONFIG", "DASK_ROOT_CONFIG"), str(tmp_path))
    env |= {"PYTHONUSERBASE": site.getuserbase(), "JOBS": str(jobs)}
    env["PATH"] = os.pathsep.join([str(commands), os.environ["PATH"]])
    subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path,
        env=env,
        check=True,
        timeout=480,
    )
    (script,) = jobs.glob("*.sh")
    asked = script.read_text()
    assert "#SBATCH -p cpu\n" in asked and "#SBATCH -t 08:00:00\n" in asked
    assert "#SBATCH --cpus-per-task=2\n" in asked and "#SBATCH --mem=4G\n" in asked
    said = script.with_suffix(".log").read_text()
    assert said.count("Start worker at") == 2
    assert len((jobs / "ended").read_text().split()) == 1
    diagnose_archive(model, archive, tmp_path / "one", sfreq=1000, unit="mV", partition_size=1)
    one, other = read_archive(tmp_path / "one"), read_archive(tmp_path / "results")
    assert one.n_missing == other.n_missing == 0
    assert_frame_equal(one.recordings, other.recordings)
    assert_frame_equal(one.subjects, other.subjects)
