"""The snippets of the documentation: each page makes what it uses, and runs as it is written."""

import ast
import builtins
import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

import sknemg
from sknemg.datasets import write_cohort
from sknemg.diagnosis import Diagnostician
from sknemg.pages import INTENDED_USE

ROOT = Path(__file__).parents[1]
README = "README.md"
LEAKS = "docs/guide/leaks.md"
PIPELINE = "docs/guide/pipeline.md"
MODELS = "docs/guide/models.md"
ARCHIVE = "docs/guide/archive.md"


def snippets(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def pages():
    """All pages with snippets: a new one is found by itself."""
    docs = (page.relative_to(ROOT) for page in (ROOT / "docs").rglob("*.md"))
    found = [README, *(page.as_posix() for page in docs if "_build" not in page.parts)]
    return sorted(page for page in found if snippets(page))


def given(page):
    """What a page takes for granted, since its reader has it."""
    if page == "docs/guide/data_model.md":
        return {"signals": [np.zeros(48_000) for _ in range(3)]}
    if page == "docs/guide/intervals.md":
        y = np.repeat(["myopathy", "neuropathy", "normal"], 5)
        prediction = np.where(np.arange(15) < 3, "normal", y)
        return {"X": {"subject": [f"S{i}" for i in range(15)]}, "y": y, "prediction": prediction}
    return {}


def run(page, namespace):
    for snippet in snippets(page):
        exec(compile(snippet, page, "exec"), namespace)


# -- what needs no run -------------------------------------------------------------------------


def test_all_pages_are_found():
    assert {README, "docs/index.md", LEAKS, PIPELINE} <= set(pages())


@pytest.mark.parametrize("page", pages())
def test_snippets_use_only_names_that_the_page_has_made(page):
    known, unknown = set(dir(builtins)) | set(given(page)), set()
    for snippet in snippets(page):
        nodes = [*ast.walk(ast.parse(snippet))]
        names = [node for node in nodes if isinstance(node, ast.Name)]
        imports = [node for node in nodes if isinstance(node, ast.alias)]
        known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        known |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
        known |= {(alias.asname or alias.name).partition(".")[0] for alias in imports}
        unknown |= {name.id for name in names} - known
    assert not unknown


def test_the_readme_states_the_intended_use_in_the_words_of_the_pages():
    # Package pages show the README as it is: it cannot take the text from where pages have it.
    text = " ".join((ROOT / README).read_text(encoding="utf-8").split())
    assert text.count(INTENDED_USE) == 1
    assert text.count("medical device") == 1


def test_the_front_page_takes_the_intended_use_from_where_pages_have_it():
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert "{{ intended_use }}" in text
    assert "CE-marked" not in text


@pytest.mark.parametrize("page", [README, "docs/index.md"])
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)|^```\{figure\} (\S+)", text, flags=re.MULTILINE)
    targets = [one or other for one, other in links]
    assert targets
    assert [
        target for target in targets if not (ROOT / page).parent.joinpath(target).exists()
    ] == []


def test_the_pictures_of_every_page_are_there():
    pages = [page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts]
    pictures = [
        page.parent / picture
        for page in pages
        for picture in re.findall(r"^```\{(?:image|figure)\} (\S+)", page.read_text(), re.MULTILINE)
    ]
    assert len(pictures) >= 4
    assert [picture for picture in pictures if not picture.is_file()] == []


def test_the_picture_of_the_demo_is_small_and_says_where_it_is_from():
    from PIL import Image

    file = ROOT / "docs/_static/demo.png"
    assert file.stat().st_size <= 100_000
    with Image.open(file) as picture:
        assert picture.width >= 1000
        said = picture.text
    assert "SIMULATED" in said["Source"]
    assert {"n_subjects", "random_state", "commit", "device", "versions"} <= set(said)


# -- what runs ---------------------------------------------------------------------------------


@pytest.fixture
def small(request, monkeypatch, make_ragged, tmp_path):
    """Let a page run in seconds: a small cohort in its folder, and the least of each network.

    Only the page on the pipeline has simulated signals: it looks for motor units in them.
    """

    def shrunk(network, **least):
        return lambda *args, **params: network(*args, **(params | least))

    X, y = make_ragged(15, sfreq=48_000.0)
    located = X["location"].notna().to_numpy()
    X, y = X[located], y[located]
    arguments = inspect.signature(sknemg.simulate.make_cohort)

    def make_cohort(*args, **params):
        asked = arguments.bind(*args, **params)
        asked.apply_defaults()
        sfreq = asked.arguments["sfreq"]  # a page has to suit the rate that it asks for
        return (X if sfreq == 48_000 else sknemg.Downsampler(sfreq).fit_transform(X)), y

    least = {"max_epochs": 1, "random_state": 0}
    nemgnet = shrunk(sknemg.NEMGNetClassifier, width=4, **least)
    original = sknemg.TimmClassifier

    def timm(model_name, **params):
        smallest = {"model_name": "test_resnet", "pretrained": False, "image_size": 32}
        return original(**(params | smallest | least))

    monkeypatch.setattr(sknemg, "NEMGNetClassifier", nemgnet)
    monkeypatch.setattr(sknemg, "TimmClassifier", timm)
    if PIPELINE not in request.node.name:
        monkeypatch.setattr(sknemg.simulate, "make_cohort", make_cohort)
    monkeypatch.chdir(tmp_path)
    write_cohort("my_cohort", X, y)
    write_theirs(X, y)
    Path("patient").mkdir()
    np.save("patient/a.npy", 1000 * X[0])  # in microvolts
    with sklearn.config_context(enable_metadata_routing=False):
        yield X, y


def write_bedside(X, y):
    """Write a model without torch, and two seconds from a machine."""
    steps = [sknemg.Downsampler(10_000), sknemg.Segmenter(), sknemg.SegmentFeatures()]
    divote = sknemg.DiVoteClassifier(LinearDiscriminantAnalysis())
    model = Diagnostician(make_pipeline(*steps, divote), cv=2).fit(X, y)
    sknemg.export_onnx(model, "model.onnx")
    np.save("deltoid.npy", np.random.default_rng(0).normal(scale=0.5, size=96_000))


def write_theirs(X, y):
    """Write a cohort as the papers' authors keep theirs."""
    subjects = [*dict.fromkeys(X["subject"])]
    number = [subjects.index(who) + 1 for who in X["subject"]]
    files = [f"patient{who}_{row}.p" for row, who in enumerate(number)]
    Path("theirs").mkdir()
    for file, signal in zip(files, X, strict=True):
        Path("theirs", file).write_bytes(pickle.dumps(signal))
    table = pd.DataFrame({"label": y, "muscle_type": X["location"], "filepath": files})
    table.to_csv("theirs/cohort.csv", index=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({*pages()} - {README, LEAKS}))
def test_a_page_runs_as_it_is_written(page, small, capsys):
    namespace = given(page)
    if page == MODELS:  # which begins with a fitted pipeline
        exec(snippets(README)[0], namespace)
    if page in (MODELS, ARCHIVE):
        write_bedside(*small)
    run(page, namespace)
    said = re.findall(r"^print\(.*\) *# (.*)$", "\n".join(snippets(page)), flags=re.MULTILINE)
    lines = capsys.readouterr().out.splitlines()
    if page == MODELS:  # which also prints each vote of a stream: two seconds in windows of 0.4 s
        assert len(lines) >= 15
        lines = [line for line in lines if line in said]
    assert lines == said


@pytest.mark.slow
def test_the_page_on_leaks_runs_on_the_cohort_that_it_simulates():
    namespace = {}
    run(LEAKS, namespace)
    assert namespace["y_shuffled"].shape == (len(namespace["X"]),)


@pytest.mark.slow
def test_the_readme_gives_one_model_with_routing_and_without(small):
    X, y = small
    first, plain, routed = snippets(README)
    namespace = {}
    exec(first, namespace)
    proba = namespace["pipe"].predict_proba(X)
    exec(plain, namespace)
    search = namespace["search"]
    assert set(search.predict(X)) <= set(y)
    exec(routed, namespace)
    assert sklearn.get_config()["enable_metadata_routing"]
    np.testing.assert_array_equal(namespace["pipe"].predict_proba(X), proba)
    assert type(search.cv).__name__ == "GroupKFold"
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
