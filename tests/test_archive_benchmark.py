"""The benchmark of archives, in a small size."""

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import archive


def test_the_page_of_archives_is_that_of_the_kept_results(tmp_path):
    assert archive.tables(tmp_path) == "Not run.\n"
    assert archive.tables() in archive.PAGE.read_text()


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
