"""The benchmark of archives, in a small size."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import archive
from benchmarks.machinery.reporting import section


def test_the_page_of_archives_is_that_of_the_kept_results(tmp_path):
    assert archive.tables(tmp_path) == "Not run.\n"
    assert section("archive", archive.tables()) in archive.PAGE.read_text()


def test_a_folder_of_other_settings_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "plan", lambda args: [])
    for write in ("write_archive", "train"):
        monkeypatch.setattr(archive, write, lambda *given: None)
    folder = ["--folder", str(tmp_path)]
    archive.main([*folder, "--width", "2"])
    assert json.loads((tmp_path / "settings.json").read_text())["width"] == 2
    with pytest.raises(SystemExit, match=r"figures of .*'width': 2.*, not of .*'width': 8"):
        archive.main(folder)
    (tmp_path / "settings.json").unlink()
    (tmp_path / "measured").mkdir()
    with pytest.raises(SystemExit, match="unknown settings"):
        archive.main(folder)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--jobs 2", r"--jobs \[2\] has no 1"),
        ("--jobs 1 2 --many-jobs 4", r"--many-jobs \[4\] must be among --jobs \[1, 2\]"),
    ],
)
def test_figures_that_nothing_is_compared_with_are_refused(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        archive.main(["--folder", str(tmp_path), *words.split()])
    assert re.search(said, capsys.readouterr().err)
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # wfdb calls pandas in a way that pandas warns of
def test_an_archive_is_measured_in_a_small_size_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    inside = {"stages": archive.measure_stages, "rival": archive.measure_rival}
    measured = []

    def measure(args, folder, step):
        way, *rest = step
        measured.append(step)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return {"command": archive.measure_command, **inside}[way](folder, *rest)

    monkeypatch.setattr(archive, "measure", measure)
    words = ["--patients", "6", "--few", "12", "--recordings", "24", "--width", "2"]
    words += ["--jobs", "1", "--many-jobs", "1"]
    words += ["--folder", str(tmp_path / "archive"), "--out", str(tmp_path / "out")]
    with pytest.raises(KeyboardInterrupt):
        archive.main(words)
    archive.main(words)
    assert len({*map(tuple, measured)}) == len(measured) - 1
    runs, stages = (pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("runs", "stages"))
    assert runs["recordings"].tolist() == [1, 12, 12, 12, 24]
    assert (runs[["wall_s", "cpu_s"]] > 0).all(axis=None)
    assert runs["peak_mb"].dropna().between(100, 5000).all()
    (difference,) = runs["median_difference_of_votes"].dropna()  # by another resampling
    assert difference < 0.01
    names = [*dict.fromkeys(stage for *_, stage in archive.STAGES), archive.REST]
    np.testing.assert_allclose(stages[names].sum(axis=1), stages["cpu_s"], rtol=1e-3)
    assert (stages[names[:-1]] > 0).all(axis=None)
    assert (stages["windows"] > 0).all()
    text = archive.tables(tmp_path / "out")
    assert "a million of them would take" in text
    assert not re.search(r"\bnan\b", text)
