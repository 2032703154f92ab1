"""Named dialects of text files."""

import numpy as np
import pytest

from sknemg.datasets import (
    InvalidCohortError,
    TextProfile,
    load_cohort,
    load_recordings,
    write_cohort,
)

OLD = TextProfile(name="old", delimiter=";", decimal=",", channel="E", unit="uV", sfreq=1000)
NEW = TextProfile(name="new", skip_lines=1, header=False, scale=2.0, sfreq=2000)


@pytest.fixture
def folder(tmp_path):
    values = np.random.default_rng(0).normal(scale=300, size=(2, 600)).round(1)
    old = "t;E\n" + "".join(f"0;{x}\n".replace(".", ",") for x in values[0])
    (tmp_path / "a.txt").write_text(old)
    (tmp_path / "b.csv").write_text("made by\n" + "".join(f"{x / 1000}\n" for x in values[1]))
    np.save(tmp_path / "c.npy", values[0][::-1] / 1000)
    (tmp_path / "recordings.csv").write_text(
        "file,profile,sfreq,unit\na.txt,old,,\nb.csv,new,,\nc.npy,,1000,mV\n"
    )
    return tmp_path, values


def table(folder, text):
    (folder / "recordings.csv").write_text(text)


def problems_of(folder, **options):
    with pytest.raises(InvalidCohortError) as caught:
        load_recordings(folder, **options)
    return str(caught.value)


def test_each_row_is_read_by_its_profile(folder):
    folder, values = folder
    X = load_recordings(folder, profiles=[OLD, NEW])
    np.testing.assert_allclose(X[0], values[0] / 1000, rtol=1e-6)
    np.testing.assert_allclose(X[1], values[1] / 1000 * 2, rtol=1e-6)
    assert X["sfreq"].tolist() == [1000, 2000, 1000]
    assert X["profile"].fillna("").tolist() == ["old", "new", ""]


def test_recordings_read_by_profiles_can_be_written(folder, tmp_path):
    X = load_recordings(folder[0], profiles=[OLD, NEW]).with_columns(subject=["A", "B", "C"])
    write_cohort(tmp_path / "again", X, ["normal", "normal", "myopathy"])
    back, _ = load_cohort(tmp_path / "again")
    np.testing.assert_array_equal(back.values, X.values)
    assert back["source_profile"].fillna("").tolist() == ["old", "new", ""]


def test_a_single_profile_is_that_of_all_text_files(folder):
    folder, _ = folder
    table(folder, "subject,diagnosis,file,sfreq,unit\nA,M,a.txt,,\nA,M,c.npy,1000,mV\n")
    (folder / "recordings.csv").rename(folder / "cohort.csv")
    assert len(load_cohort(folder, profiles=[OLD])[0]) == 2


def test_what_does_not_fit_is_said_by_row(folder):
    folder, _ = folder
    message = problems_of(folder, profiles=[NEW])
    assert "row 2: no profile 'old' among `profiles`, ['new']" in message
    table(folder, "file,profile,sfreq,unit\na.txt,,,\nc.npy,old,1000,mV\nb.csv,new,7,\n")
    message = problems_of(folder, profiles=[OLD, NEW])
    assert "row 2: several profiles, but the row names none: write one of ['new', 'old']" in message
    assert "row 3: profile 'old', but only text files have one: clear the entry" in message
    assert "row 4: sfreq 7.0 for the file, 2000 in profile 'new'" in message


def test_profiles_are_saved_as_they_are_and_checked(tmp_path):
    for profile in (OLD, NEW):
        profile.save(tmp_path / "p.json")
        assert TextProfile.load(tmp_path / "p.json") == profile
    for text, match in [
        ("[1]", "is not a profile: it needs a name"),
        ('{"name": "x", "code": 1}', "is not a profile"),
        ("{", "is not a profile"),
        ('{"name": "x", "unit": "UV"}', "unit='UV' is unknown"),
        ('{"name": "x", "delimiter": ",", "decimal": ","}', "both ','"),
        ('{"name": " "}', "must be text"),
        ('{"name": "x", "sfreq": "10"}', "give a number"),
        ('{"name": "x", "channel": 1.5}', "channel=1.5 must be a name"),
        ('{"name": "x", "channel": true}', "channel=True must be a name"),
        ('{"name": "x", "channel": ["EMG"]}', r"channel=\['EMG'\] must be a name"),
    ]:
        (tmp_path / "p.json").write_text(text)
        with pytest.raises(ValueError, match=match):
            TextProfile.load(tmp_path / "p.json")
    with pytest.raises(ValueError, match="several called"):
        load_recordings(tmp_path, profiles=[OLD, OLD])
    with pytest.raises(ValueError, match="both given: keep one"):
        load_recordings(tmp_path, profiles=[OLD], delimiter=";")
