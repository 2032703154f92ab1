"""The page of a patient as a browser lays it out: on a phone, in the dark, on two sheets of A4."""

import re

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.diagnosis import Diagnostician
from sknemg.evaluation import write_patient

pytestmark = pytest.mark.browser

N_RECORDINGS = 12
LONG = "flexor-digitorum-superficialis-" * 3 + "<b>"
NAMED = {
    "myopathy": "w" * 90,
    "neuropathy": "polyneuropathy of the axonal type " * 3,
    "normal": "o",
}


def recordings(n_subjects, n_recordings, seed):
    """Bursts of noise whose size is the class's."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.exp(0.7 * (np.arange(n_subjects) % 3)), n_recordings)
    signals = [
        (level * (0.05 + (np.sin(np.arange(2000) / 13) > 0.6)) * rng.normal(size=2000))
        for level in size * rng.uniform(0.8, 1.2, size=len(size))
    ]
    subject = np.repeat([f"{seed}-{n}" for n in range(n_subjects)], n_recordings)
    muscle = np.resize(["deltoid", "vastus medialis", "abductor pollicis brevis"], len(size))
    return Recordings(signals, sfreq=1000, subject=subject, muscle=muscle)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    X = recordings(18, 3, 0)
    y = np.repeat(np.array(["myopathy", "neuropathy", "normal"])[np.arange(18) % 3], 3)
    pipe = make_pipeline(
        Segmenter(0.4, 0.2), SegmentFeatures(), DiVoteClassifier(LinearDiscriminantAnalysis())
    )
    model = Diagnostician(pipe, cv=3).fit(X, y)
    named = Diagnostician(pipe, cv=3).fit(X, np.array([NAMED[label] for label in y]))
    patient = recordings(1, N_RECORDINGS, 1).with_columns(subject="answered")
    muscle = [LONG, *patient["muscle"][1:]]
    every = {
        "answered": patient,
        "hostile": patient.with_columns(muscle=muscle, subject=LONG),
        "long": patient,
        "refused": patient.with_values(0 * patient.values).with_columns(subject=LONG),
    }
    folder = tmp_path_factory.mktemp("patients")
    return {
        name: write_patient(folder / name, one, own, one.diagnose(own))[0]
        for name, own in every.items()
        for one in [named if name == "long" else model]
    }


@pytest.mark.parametrize("name", ["answered", "hostile", "long", "refused"])
@pytest.mark.parametrize("width", [320, 390, 1100])
def test_the_page_does_not_scroll_sideways(tab, pages, name, width):
    tab.open(pages[name], width=width, dark=width == 390)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("document.querySelectorAll('svg').length") == N_RECORDINGS
    edges = tab.evaluate(
        "[...document.querySelectorAll('svg, .bars, .answer, figcaption, p')]"
        ".map(e => e.getBoundingClientRect().right)"
    )
    assert edges and max(edges) <= width


@pytest.mark.parametrize("name", ["answered", "refused"])
def test_it_prints_on_two_sheets(tab, pages, name, tmp_path):
    tab.open(pages[name], width=794, media="print")
    tab.pdf(tmp_path / "page.pdf")
    sheets = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "page.pdf").read_bytes())
    assert 1 <= len(sheets) <= 2


def test_it_loads_nothing_and_runs_nothing(tab, pages):
    with tab.listening("Network.requestWillBeSent", "Log.entryAdded") as heard:
        tab.open(pages["answered"], width=390)
    asked = [event["request"]["url"] for name, event in heard if name.startswith("Network")]
    assert [url[:8] for url in asked] == ["file:///"]
    assert [event for name, event in heard if name.startswith("Log")] == []
    assert tab.evaluate("document.scripts.length") == 0
