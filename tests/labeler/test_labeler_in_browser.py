"""The page in a Chromium: reading by mouse and by keyboard, what is drawn, what is requested."""

import json

import numpy as np
import pytest
from _browser import Browser, find_browser
from _study import CLASSES, make_study, serving, small_cohort

from sknemg import Recordings
from sknemg.labeler import Store

pytestmark = pytest.mark.browser
MACHINE = "document.querySelector('#trace').machine"
PRESSED = """[...document.querySelectorAll('#recordings button')]
    .findIndex(button => button.getAttribute('aria-pressed') === 'true')"""


@pytest.fixture
def make_tab():
    """Factory of tabs, each in a browser of its own."""
    program, tabs = find_browser(), []

    def make():
        tabs.append(Browser(program))
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.__exit__()


@pytest.fixture
def small(tmp_path):
    """A served study of four patients with two recordings each."""
    X, _ = small_cohort(seconds=0.3)
    made = make_study(tmp_path / "study.sqlite", X)
    with serving(made) as address:
        made.address = address
        yield made


def enter(tab, made, reader=0, **size):
    tab.open(made.address.link(made.tokens[reader]), **{"width": 1280, "height": 800, **size})
    ready(tab)


def ready(tab):
    tab.wait_until(f"{MACHINE}?.raw && document.querySelector('#recordings button')")


def stored(tab):
    """Wait until the page says that all is stored."""
    tab.wait_until("document.querySelector('#saved').textContent.startsWith('Stored')")


def votes(made):
    store = Store(made.file)
    table = store.votes()
    store.close()
    return table


def at(tab, position):
    tab.wait_until(f"{PRESSED} === {position} && {MACHINE}.raw")


def test_a_patient_by_mouse_then_a_reload_then_the_rest(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    assert tab.evaluate("location.hash + location.search") == ""  # no token stays
    assert "0 of 4 patients" in tab.evaluate("document.querySelector('#progress-text').textContent")
    tab.click("[data-answer=neuropathy]")
    tab.click("[data-confidence='4']")
    tab.click("#next")
    at(tab, 1)
    tab.wait_until(f"{MACHINE}.playing || {MACHINE}.time > 0")  # a click plays the next recording
    tab.click("[data-answer='cannot say']")
    tab.click("#next")
    at(tab, 2)  # the diagnosis
    assert "Diagnosis" in tab.evaluate("document.querySelector('#question').textContent")
    tab.click("[data-answer=myopathy]")
    stored(tab)
    tab.wait_until("document.querySelector('#patients .done')")

    tab.open(small.address.url + "/", width=1280, height=800)
    ready(tab)
    name = "document.querySelector('#patient-name').textContent"
    assert tab.evaluate(name) == "Patient 2"  # where the reader stopped
    tab.click("#patients li:first-child button")
    tab.wait_until(f"{name} === 'Patient 1'")
    chosen = "document.querySelector('#classes [aria-checked=true]')?.dataset.answer"
    tab.wait_until(f"{chosen} === 'neuropathy' && {MACHINE}.raw")
    tab.click("[data-answer=normal]")  # a correction
    tab.wait_until("document.querySelector('#saved').textContent.startsWith('Stored')")
    tab.evaluate(f"{MACHINE}.plays")

    table = votes(small)
    last = table.drop_duplicates(["subject", "recording", "level"], keep="last")
    assert list(table["vote"]) == ["neuropathy"] * 2 + ["cannot say", "myopathy", "normal"]
    assert sorted(last["vote"]) == ["cannot say", "myopathy", "normal"]
    assert table["confidence"].tolist()[1] == 4
    assert (table["seconds"] > 0).all()
    assert table["seconds"].iloc[3] > table["seconds"].iloc[2]  # of the patient, of a recording


def test_a_double_click_shows_the_recording_that_is_asked_about(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    patients = {case.number: case.rows for case in small.cases if case.reader == 0}
    lengths = {number: [len(small.X[row]) for row in rows] for number, rows in patients.items()}
    click_twice = (
        "(() => {{ const b = document.querySelectorAll('{}')[1]; b.click(); b.click(); }})()"
    )
    tab.evaluate(click_twice.format("#recordings button"))  # the second recording
    tab.wait_until(f"{MACHINE}.raw?.length === {lengths[0][1]}")
    tab.evaluate(click_twice.format("#patients li button"))  # the second patient
    tab.wait_until("document.querySelector('#patient-name').textContent === 'Patient 2'")
    tab.wait_until(f"{MACHINE}.raw?.length === {lengths[1][0]}")
    assert "recording 1" in tab.evaluate("document.querySelector('#trace-name').textContent")


def test_a_study_by_keyboard_alone_and_on_another_computer(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    for _ in range(2):  # patients
        for position, key in enumerate(["m", "n", "o"]):
            at(tab, position)
            tab.press(key)
            tab.press("3")
            if position == 0:
                tab.press("c")  # a remark
                for letter in "mn ?":
                    tab.press(letter)
                tab.press("Escape")
            tab.press("Enter")
    at(tab, 0)
    stored(tab)
    tab.press("m")
    stored(tab)
    other = make_tab()  # another computer
    enter(other, small, width=390)
    assert other.evaluate("document.querySelector('#patient-name').textContent") == "Patient 3"
    at(other, 1)
    for key in ["u", "Enter", "n", "Enter", "m", "Enter", "m", "Enter", "m"]:
        before = other.evaluate(PRESSED)
        other.press(key)
        if key == "Enter":
            other.wait_until(f"{PRESSED} !== {before}")
            ready(other)
    other.wait_until("!document.querySelector('#part-text').hidden")
    stored(other)
    table = votes(small)
    last = table.drop_duplicates(["subject", "recording", "level"], keep="last")
    assert len(last) == 4 * 3
    assert list(last["vote"][:3]) == ["myopathy", "neuropathy", "normal"]
    store = Store(small.file)
    assert {a["remark"] for a in store.answers(0)} == {"", "mn ?"}
    store.close()


def test_every_control_has_a_key_and_a_name(make_tab, small):
    tab = make_tab()
    enter(tab, small)

    def settings():
        return tab.evaluate(f"({{...{MACHINE}.settings, time: {MACHINE}.time}})")

    for key, name in [("ArrowUp", "gain"), ("ArrowDown", "gain"), ("[", "sweep"), ("]", "sweep"),
                      ("x", "speed"), ("v", "layout"), ("i", "invert"), ("t", "trigger"),
                      ("+", "level"), ("s", "slope"), ("d", "delay"), ("h", "highpass"),
                      ("l", "lowpass"), (")", "volume"), (".", "time"), ("r", "time")]:  # fmt: skip
        before = settings()
        tab.press(key)
        tab.wait_until(f"({{...{MACHINE}.settings, time: {MACHINE}.time}})['{name}']"
                       f" !== {json.dumps(before[name])}")  # fmt: skip
    tab.press(" ")
    tab.press("?")
    tab.wait_until("document.querySelector('#help').open")
    said = tab.evaluate("document.querySelector('#keys').textContent")
    assert "myopathy" in said
    assert "trigger level up" in said
    assert tab.evaluate("document.activeElement.id") == "help-close"  # Enter leaves no computer
    nameless = tab.evaluate("""
      [...document.querySelectorAll('button, select, input, textarea, canvas:not([aria-hidden])')]
        .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')
                       || e.textContent.trim() && e.tagName === 'BUTTON' || e.labels?.length))
        .map(e => e.id || e.outerHTML)""")
    assert nameless == []


def test_two_readers_at_once(make_tab, small):
    tabs = [make_tab(), make_tab()]
    for reader, tab in enumerate(tabs):
        enter(tab, small, reader)
    for key, tab in zip("mn", tabs, strict=True):
        tab.press(key)
    for tab in tabs:
        stored(tab)
    assert sorted(votes(small)["reader"] + votes(small)["vote"]) == ["R1myopathy", "R2neuropathy"]
    first, second = (
        tab.evaluate("document.querySelector('#classes [aria-checked=true]').dataset.answer")
        for tab in tabs
    )
    assert (first, second) == ("myopathy", "neuropathy")


def test_an_answer_waits_until_the_server_is_back(make_tab, tmp_path):
    made = make_study(tmp_path / "study.sqlite", small_cohort(seconds=0.3)[0])
    tab = make_tab()
    with serving(made) as address:
        made.address = address
        enter(tab, made)
    tab.press("m")  # nobody answers
    tab.wait_until("!document.querySelector('#alarm').hidden")
    assert "Not stored yet" in tab.evaluate("document.querySelector('#alarm').textContent")
    with serving(made, port=address.port):
        stored(tab)
        assert tab.evaluate("document.querySelector('#alarm').hidden")
    assert list(votes(made)["vote"]) == ["myopathy"]


def test_an_answer_waits_for_a_new_session(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    store = Store(small.file)
    token = store.renew(0)  # the link was lost, and replaced
    store.close()
    tab.press("n")
    tab.wait_until("!document.querySelector('#alarm').hidden")
    assert "open your link" in tab.evaluate("document.querySelector('#alarm').textContent")
    assert votes(small).empty
    request = {"method": "POST", "body": json.dumps({"token": token}),
               "headers": {"content-type": "application/json"}}  # fmt: skip
    tab.evaluate(f"fetch('/api/session', {json.dumps(request)}).then(r => r.status)")
    stored(tab)
    assert list(votes(small)["vote"]) == ["neuropathy"]


def begin_session(tab, token):
    """Open a link in another tab of the same browser."""
    request = {"method": "POST", "body": json.dumps({"token": token}),
               "headers": {"content-type": "application/json"}}  # fmt: skip
    tab.evaluate(f"fetch('/api/session', {json.dumps(request)}).then(r => r.status)")


def test_no_signal_of_another_reader_in_the_same_browser_is_shown(make_tab, small):
    """And no answer given for a recording that is not on the screen."""
    tab = make_tab()
    enter(tab, small)
    begin_session(tab, small.tokens[1])
    tab.click("#patients li:nth-child(2) button")
    alarm = "document.querySelector('#alarm')"
    tab.wait_until(f"!{alarm}.hidden")
    assert "another reader's link" in tab.evaluate(f"{alarm}.textContent")
    assert tab.evaluate(f"{MACHINE}.raw") is None  # of patient 1, either
    tab.press("n")
    begin_session(tab, small.tokens[0])
    tab.click("#patients li:nth-child(2) button")
    (case,) = [case for case in small.cases if (case.reader, case.number) == (0, 1)]
    tab.wait_until(f"{MACHINE}.raw?.length === {len(small.X[case.rows[0]])}")
    tab.wait_until(f"{alarm}.hidden")
    tab.press("n")
    stored(tab)
    assert votes(small)["reader"].tolist() == ["R1"]


def test_the_model_is_shown_in_the_assisted_part_alone(make_tab, tmp_path):
    X = small_cohort(n_subjects=2, per_subject=1, seconds=0.2)[0]
    shares = dict(zip(CLASSES, (0.3746, 0.0004, 0.625), strict=True))
    arms = ("blinded", "assisted")
    made = make_study(
        tmp_path / "study.sqlite", X, arms=arms, model=dict.fromkeys(X["subject"], shares)
    )
    first = next(case for case in made.cases if case.arm == "blinded" and case.part == 0)
    tab = make_tab()
    with serving(made) as address:
        made.address = address
        enter(tab, made, first.reader)
        for patient in (1, 2):
            tab.wait_until(
                f"document.querySelector('#patient-name').textContent.endsWith({patient})"
            )
            ready(tab)
            assert tab.evaluate("document.querySelector('#model').hidden")
            assert "62 %" not in tab.evaluate("document.documentElement.textContent")
            for key in ("m", "Enter", "m", "Enter"):
                tab.press(key)
                ready(tab)
        tab.wait_until("!document.querySelector('#part-open').hidden")
        tab.wait_until("!document.querySelector('#saved.waiting')")
        tab.click("#part-open")
        tab.wait_until("document.querySelector('#patient-name')?.textContent === 'Patient 3'")
        tab.wait_until("!document.querySelector('#model').hidden")
        said = tab.evaluate("document.querySelector('#model').textContent")
        assert "myopathy 37 %" in said and "neuropathy <1 %" in said and "normal 63 %" in said


def test_by_touch(make_tab, small):
    tab = make_tab()
    tab.send("Emulation.setTouchEmulationEnabled", enabled=True)
    enter(tab, small, width=390)
    tab.touch("#trigger")
    tab.wait_until(f"{MACHINE}.settings.trigger")
    tab.touch("#gain-more")
    tab.wait_until(f"{MACHINE}.settings.gain === 500")
    tab.touch("[data-answer=normal]")
    stored(tab)
    tab.touch("#next")
    at(tab, 1)
    assert list(votes(small)["vote"]) == ["normal"]
    tab.touch("#trace", 0.5, 0.25)  # two divisions up
    tab.wait_until(f"Math.abs({MACHINE}.settings.level - 2 * {MACHINE}.settings.gain) < 30")


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_page_never_scrolls_sideways(make_tab, small, width):
    tab = make_tab()
    enter(tab, small, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    if width < 600:  # fingers
        sizes = tab.evaluate("""[...document.querySelectorAll('button, select')]
            .filter(e => e.offsetParent).map(e => e.getBoundingClientRect().height)""")
        assert min(sizes) >= 38


def test_nothing_is_requested_from_outside_and_the_policy_is_kept(make_tab, small):
    tab = make_tab()
    tab.send("Network.enable")
    tab.send("Log.enable")
    tab.send("Runtime.enable")
    events = ("Network.requestWillBeSent", "Log.entryAdded", "Runtime.exceptionThrown")
    with tab.listening(*events) as heard:
        enter(tab, small)
        tab.press(" ")
        tab.press("m")
        stored(tab)
    urls = [event["request"]["url"] for name, event in heard if name.startswith("Network")]
    assert len(urls) > 8
    assert {url.split("/")[2] for url in urls} == {small.address.hosts[0]}
    assert not any(token in url for url in urls for token in small.tokens)
    assert [event for name, event in heard if not name.startswith("Network")] == []


# -- what is drawn -------------------------------------------------------------------------------

#: Peaks of the signal: time in seconds, millivolts.
PEAKS = [(0.012, 0.15), (0.035, -0.24), (0.061, 0.3), (0.083, -0.06)]


def peaks_at(sfreq):
    """A flat line with triangles of 2 ms."""
    signal = np.zeros(int(0.1 * sfreq))
    for time, size in PEAKS:
        rise = np.clip(1 - np.abs(np.arange(len(signal)) / sfreq - time) / 1e-3, 0, None)
        signal += size * rise
    return signal


FOUND = """(() => {
  const canvas = document.querySelector('#trace');
  const { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const columns = [];
  for (let x = 0; x < width; x++) {
    let top = null, bottom = null;
    for (let y = 0; y < height; y++) {
      const at = 4 * (y * width + x);
      if (pixels[at + 1] > 140 && pixels[at] < 130) { top ??= y; bottom = y; }
    }
    columns.push([top, bottom]);
  }
  return { width, height, columns };
})()"""


@pytest.mark.parametrize("sfreq", [48_000, 10_000])
def test_the_drawn_trace_equals_the_samples_at_three_gains(make_tab, tmp_path, sfreq):
    X = Recordings([peaks_at(sfreq)] * 2, sfreq=sfreq, subject=["S1", "S2"])
    made = make_study(tmp_path / "study.sqlite", X, n_readers=1)
    tab = make_tab()
    with serving(made) as address:
        made.address = address
        enter(tab, made)
        tab.press(".")  # one sweep of 100 ms
        for gain, up in ((100, -1), (200, -1), (500, 1)):  # negative up at first
            tab.evaluate(f"{MACHINE}.set('gain', {gain})")
            if up > 0:
                tab.press("i")
            drawn = tab.evaluate(FOUND)
            width, height, columns = drawn["width"], drawn["height"], drawn["columns"]
            division = height / 8
            for time, peak in PEAKS:
                size = up * peak
                x = round(time / 0.1 * width)
                near = columns[max(0, x - 8) : x + 9]
                tops = [top for top, _ in near if top is not None]
                bottoms = [bottom for _, bottom in near if bottom is not None]
                y = min(tops) if size > 0 else max(bottoms)
                expected = height / 2 - size * 1000 / gain * division
                assert abs(y - expected) <= 2.5, (gain, time, y, expected)
                column = [top if size > 0 else bottom for top, bottom in near].index(y)
                assert abs(column - min(x, 8)) <= 2, (gain, time, column)
            flat = columns[round(0.048 / 0.1 * width)]
            assert abs(flat[0] - height / 2) <= 2
            assert abs(flat[1] - height / 2) <= 2


def test_the_patient_that_is_read_is_seen_in_a_long_list(make_tab, tmp_path):
    names = [f"S{i}" for i in range(60)]
    X = Recordings([np.sin(np.arange(1000.0) * (1 + i)) for i in range(60)], sfreq=10_000,
                   subject=names)  # fmt: skip
    made = make_study(tmp_path / "study.sqlite", X, n_readers=1)
    tab = make_tab()
    with serving(made) as address:
        made.address = address
        enter(tab, made)
        for place in ("last-child", "first-child"):
            tab.evaluate(f"document.querySelector('#patients li:{place} button').click()")
            tab.wait_until(f"document.querySelector('li:{place} button').ariaCurrent === 'true'")
            box, height = tab.evaluate(
                "[document.querySelector('[aria-current]').getBoundingClientRect().toJSON(),"
                " innerHeight]"
            )
            assert box["top"] > 0 and box["bottom"] <= height
            assert tab.evaluate("scrollY") == 0


def test_negative_is_up_and_triggers_are_what_is_seen(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    said = "document.querySelector('#trace-text').textContent"
    assert tab.evaluate(said).endswith("10 ms/div · negative up")
    wave = np.sin(np.arange(400) / 7.0)
    settings = {"sweep": 1, "trigger": True, "level": 500, "slope": 1, "delay": 0.2}
    begin = (
        "import('/static/signal.js').then(s => s.sweepsOf(Float32Array.from({}), 1000, {}).from)"
    )
    up, down = (
        tab.evaluate(begin.format(json.dumps((sign * wave).tolist()), json.dumps(settings | more)))
        for sign, more in [(1, {"invert": False}), (-1, {"invert": True})]
    )
    assert up == down and len(up) > 5
    tab.press("i")
    tab.wait_until(f"{said}.endsWith('positive up')")


def test_filters_and_triggers_are_those_of_a_reference(make_tab, small):
    from scipy.signal import butter, lfilter, lfilter_zi

    rng = np.random.default_rng(3)
    signal = rng.normal(size=400) + 2
    tab = make_tab()
    enter(tab, small)
    listed = json.dumps(signal.tolist())
    module = "import('/static/signal.js').then(s => "
    call = module + "Array.from(s.filtered(Float32Array.from({}), 10000, {}, {})))"
    for high, low in [(20, 0), (0, 1000), (100, 3000)]:
        expected = signal.astype(np.float32).astype(float)
        for kind, cutoff in (("highpass", high), ("lowpass", low)):
            if cutoff:
                b, a = butter(2, cutoff, kind, fs=10_000)
                expected, _ = lfilter(b, a, expected, zi=lfilter_zi(b, a) * expected[0])
        found = np.array(tab.evaluate(call.format(listed, high, low)))
        assert np.abs(found - expected).max() < 1e-4
    crossings = (
        "import('/static/signal.js').then(s => s.triggers(Float32Array.from({}), {}, {}, 10, 2))"
    )
    wave = np.sin(np.arange(100) / 3)
    for slope in (1, -1):
        found = tab.evaluate(crossings.format(json.dumps(wave.tolist()), 0.5, slope))
        signs = (wave >= 0.5) if slope > 0 else (wave <= 0.5)
        expected = np.flatnonzero(~signs[:-1] & signs[1:]) + 1
        assert found == expected.tolist()


def test_the_overview_is_drawn_when_the_samples_change_and_at_no_step(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    count = """(() => {
        const context = document.querySelector('#overview').getContext('2d');
        const stroke = context.stroke.bind(context);
        window.drawn = 0;
        context.stroke = () => { window.drawn += 1; stroke(); };
    })()"""
    tab.evaluate(count)
    shown = "Array.from(document.querySelector('#trace').getContext('2d').getImageData(0, 0, "
    shown += "400, 100).data).reduce((sum, value, at) => sum + value * (at % 97), 0)"
    seen = set()
    for action in ("seek(0.05)", "seek(0.1)", "step(1)", "set('gain', 500)"):
        tab.evaluate(f"{MACHINE}.{action}")
        seen.add(tab.evaluate(shown))
    assert len(seen) == 4  # the trace is drawn anew by each
    assert tab.evaluate("window.drawn") == 0
    tab.evaluate(f"{MACHINE}.set('highpass', 100)")
    assert tab.evaluate("window.drawn") == 1
    tab.evaluate(f"{MACHINE}.load({MACHINE}.raw.slice(0, 1000), {MACHINE}.sfreq)")
    assert tab.evaluate("window.drawn") == 2


def test_the_classes_of_the_buttons_are_those_of_the_study(make_tab, small):
    tab = make_tab()
    enter(tab, small)
    found = tab.evaluate(
        "[...document.querySelectorAll('#classes [role=radio]')].map(b => b.dataset.answer)"
    )
    assert found == [*CLASSES, "cannot say"]
