"""A model as a folder: saved, loaded, and the same in every bit."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    InvalidModelError,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SignalAugmenter,
    TimmClassifier,
    load_model,
    save_model,
)
from sknemg.images import PlotImage
from sknemg.persistence import ModelVersionWarning, push_to_hub
from sknemg.persistence._folder import read_card
from sknemg.persistence._kinds import KINDS
from sknemg.persistence._write_folder import _put_in_order, fill_folder
from sknemg.versions import versions_of

SFREQ = 1000.0
LABELS = {
    "text": np.array(["myopathy", "neuropathy", "normal"]),
    "objects": np.array(["myopathy", "neuropathy", "normal"], dtype=object),
    "integers": np.array([7, 3, 5], dtype=np.int32),
    "booleans": np.array([False, True]),
}
NETWORK = NEMGNetClassifier("A", width=2, short="pad", max_epochs=1, eval_every=4, random_state=0)


def cohort(labels="text", n_subjects=9):
    """Subjects with long names, whose class sets the amplitude."""
    rng = np.random.default_rng(0)
    classes = LABELS[labels]
    code = np.repeat(np.arange(n_subjects) % len(classes), 2)
    signals = [rng.normal(scale=0.1 + 0.3 * c, size=600 + 37 * i) for i, c in enumerate(code)]
    X = Recordings(
        signals,
        sfreq=SFREQ,
        subject=np.repeat([f"PATIENT-{n:03d}-ξ" for n in range(n_subjects)], 2),
        location=np.tile(["proximal", "distal"], n_subjects),
    )
    return X, classes[code]


def features(*steps, **options):
    steps = steps or (StandardScaler(), LinearDiscriminantAnalysis())
    return make_pipeline(
        Downsampler(500),
        Segmenter(window=0.2, hop=0.1),
        SegmentFeatures(),
        DiVoteClassifier(make_pipeline(*steps), **options),
    )


def raw(network=NETWORK, **options):
    return make_pipeline(
        Downsampler(750), Segmenter(window=0.4, hop=0.2), DiVoteClassifier(network, **options)
    )


def images():
    timm = TimmClassifier("test_resnet", image_size=32, max_epochs=1, batch_size=8, random_state=0)
    return make_pipeline(
        Segmenter(hop=0.4), PlotImage(size=(24, 32)), DiVoteClassifier(timm, cv=None)
    )


def assert_same(one, other, X):
    """Equal in every bit, at every level."""
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    answers = one.predict(X), other.predict(X)
    assert_array_equal(*answers)
    assert answers[0].dtype == answers[1].dtype
    assert one.classes_.dtype == other.classes_.dtype
    assert type(one.classes_[0]) is type(other.classes_[0])


MODELS = {
    "features and LDA": features(),
    "LDA by least squares": features(LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)),
    "PCA, whose arrays lie in another order": features(PCA(5), LogisticRegression(C=0.1)),
    "Bayes": features(RobustScaler(with_centering=False), GaussianNB()),
    "scalers": features(MinMaxScaler(), MaxAbsScaler(), LogisticRegression()),
    "no scaling": features(StandardScaler(with_mean=False, with_std=False), GaussianNB()),
    "averages": features(final_estimator=None, subject_features="all"),
    "a final pipeline": features(final_estimator=make_pipeline(StandardScaler(), GaussianNB())),
    "out of fold": features(cv=3, n_jobs=1),
    "network": raw(),
    "images": images(),
}
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "images" else []) for name in MODELS
]


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_model_predicts_the_same_bits(tmp_path, name):
    X, y = cohort()
    model = clone(MODELS[name]).fit(X, y)
    fingerprint = save_model(model, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(tmp_path / "model", fingerprint=fingerprint)
    assert_same(model, loaded, X)
    segments = loaded[:-1].transform(X)
    for own, other in zip(model[-1].levels(segments), loaded[-1].levels(segments), strict=True):
        assert own.equals(other)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("make", [features, pytest.param(raw, marks=pytest.mark.slow)])
def test_labels_keep_their_type(tmp_path, labels, make):
    X, y = cohort(labels, n_subjects=6)
    model = make().fit(X, y)
    save_model(model, tmp_path / "model")
    assert_same(model, load_model(tmp_path / "model"), X)


def test_a_loaded_model_can_be_saved_cloned_and_trained_again(tmp_path):
    X, y = cohort()
    model = features(cv=3).fit(X, y)
    first = save_model(model, tmp_path / "one")
    loaded = load_model(tmp_path / "one")
    assert save_model(loaded, tmp_path / "two") == first
    assert repr(clone(loaded)) == repr(clone(model))
    assert_same(clone(loaded).fit(X, y), model, X)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    X, y = cohort()
    prints = [save_model(features().fit(X, y), tmp_path / name) for name in "ab"]
    assert prints[0] == prints[1]
    for file in ("config.json", "model.safetensors", "SHA256SUMS", "README.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_folder_is_what_it_says(tmp_path):
    X, y = cohort()
    model = raw().fit(X, y)
    table = model[-1].levels(model[:-1].transform(X)).votes.describe()
    save_model(model, tmp_path, evaluation={"scores": table}, card="---\n---\nmine")
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"README.md", "SHA256SUMS", "config.json", "evaluation/scores.csv",
                     "model.safetensors"}  # fmt: skip
    assert (tmp_path / "README.md").read_text() == "---\n---\nmine"
    if sys.platform == "linux":
        subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert config["schema"] == 2 and "refuse" in config["note"]
    assert config["input"] == {
        "classes": ["myopathy", "neuropathy", "normal"],
        "unit": "mV", "sfreq": 750.0, "window": 0.4, "hop": 0.2,
    }  # fmt: skip
    assert set(config["versions"]) == {"sknemg", "scikit-learn", "numpy", "torch", "soxr"}
    weights = model[-1].estimator_.weights_
    stored = load_file(tmp_path / "model.safetensors")  # another reader
    for name, array in weights.items():
        assert_array_equal(stored[f"model.divoteclassifier.estimator_.weights_/{name}"], array)


def test_a_file_is_written_for_whoever_may_read_the_folder(tmp_path):
    X, y = cohort()
    model = features().fit(X, y)
    save_model(model, tmp_path / "new")
    (tmp_path / "plain").mkdir()
    modes = [(tmp_path / name).stat().st_mode for name in ("new", "plain")]
    assert modes[0] == modes[1]


def test_what_only_training_needs_is_left_out_and_named(tmp_path):
    X, y = cohort()
    segments = raw()[:-1].fit_transform(X)
    held_out = (segments.values[:3], y[[0, 2, 4]])
    network = clone(NETWORK).set_params(
        augment=SignalAugmenter(input_sfreq=750), callbacks=[], validation=held_out
    )
    folds = [(np.arange(6, 18), np.arange(6)), (np.arange(6), np.arange(6, 18))]
    model = raw(network, cv=folds).fit(X, y)
    save_model(model, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_bytes())
    parts = [text.removeprefix("model.divoteclassifier.") for text in config["left_out"]]
    assert parts == [
        "cv (list)",
        "estimator_.augment (SignalAugmenter)",
        "estimator_.callbacks (list)",
        "estimator_.validation (tuple)",
    ]
    loaded = load_model(tmp_path / "model")
    assert_same(model, loaded, X)
    inner = loaded[-1].estimator_
    assert inner.validation == "auto" and inner.augment is None and loaded[-1].cv is None


def test_a_device_of_one_machine_is_left_out(tmp_path):
    X, y = cohort()
    model = raw().fit(X, y)
    model[-1].estimator_.device = "cuda:3"
    save_model(model, tmp_path / "model")
    assert load_model(tmp_path / "model")[-1].estimator_.device == "auto"


class Mine(LogisticRegression):
    """A class of a user's."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (features(RandomForestClassifier(3)), r"estimator_.randomforestclassifier is a R"),
        (features(Mine()), "is a Mine, which no model folder holds: use one of BandPass, "),
        (GridSearchCV(features(), {"divoteclassifier__cv": [None]}), "save its `best_estimator_`"),
        (CalibratedClassifierCV(features()), "save a sknemg.diagnosis.Diagnostician, which cal"),
        (FrozenEstimator(features()), "save the classifier inside it"),
        (features(LinearDiscriminantAnalysis(store_covariance=True)), None),
    ],
)  # fmt: skip
def test_what_a_folder_does_not_hold_is_refused_by_name(tmp_path, model, message):
    X, y = cohort()
    if hasattr(model, "cv") and isinstance(model, GridSearchCV):
        model.set_params(cv=3, error_score="raise")
        model.best_estimator_ = features()  # whatever it chose
    elif isinstance(model, Pipeline):
        model.fit(X, y)
    if message is None:
        save_model(model, tmp_path / "model")
        assert_same(model, load_model(tmp_path / "model"), X)
        return
    with pytest.raises(TypeError, match=message):
        save_model(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_unfitted_model_is_refused(tmp_path):
    with pytest.raises(TypeError, match="is not fitted: call fit first"):
        save_model(features(), tmp_path / "model")


def test_a_folder_is_not_overwritten_by_accident(tmp_path):
    X, y = cohort()
    model = features().fit(X, y)
    (tmp_path / "photo.jpg").write_bytes(b"1")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="is not empty"):
            save_model(model, tmp_path, overwrite=overwrite)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]
    save_model(model, tmp_path / "model")
    with pytest.raises(FileExistsError, match="set overwrite=True"):
        save_model(model, tmp_path / "model")
    save_model(model, tmp_path / "model", overwrite=True)
    with pytest.raises(ValueError, match="name it by small letters"):
        save_model(model, tmp_path / "b", evaluation={"../escape": None or model_table()})
    assert {p.name for p in tmp_path.iterdir()} == {"model", "photo.jpg"}


# -- a model in the place of another -----------------------------------------------------------


@pytest.fixture
def models():
    """Two models of one cohort that answer differently."""
    X, y = cohort()
    return features().fit(X, y), features(GaussianNB()).fit(X, y)


def content(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and ".git" not in p.parts
    }


def test_a_model_is_saved_into_the_working_directory(tmp_path, models, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    save_model(models[0], ".")
    first = content(tmp_path / "model")
    fingerprint = save_model(models[1], ".", overwrite=True)
    assert "config.json" in os.listdir()  # whoever stands in the folder sees the model
    load_model(tmp_path / "model", fingerprint=fingerprint)
    assert content(tmp_path / "model") != first
    assert os.listdir(tmp_path) == ["model"]


def test_a_link_to_a_folder_stays_one(tmp_path, models):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save_model(models[0], tmp_path / "link")
    fingerprint = save_model(models[1], tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    load_model(tmp_path / "real", fingerprint=fingerprint)


@pytest.mark.parametrize("step", range(9))
def test_a_model_stays_if_the_next_one_cannot_be_written(tmp_path, models, monkeypatch, step):
    """Whichever of the renames fails: four files go out, then four come in."""
    folder = tmp_path / "model"
    save_model(models[0], folder, card="my own card")
    before, rename, done = content(folder), Path.rename, []

    def fail(self, target):
        done.append(target)
        if len(done) == step + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    if step == 8:  # there are no more
        with pytest.warns(UserWarning, match="is kept as"):
            save_model(models[1], folder, overwrite=True)
        assert content(folder) != before
    else:
        with pytest.raises(OSError, match="No space left"):
            save_model(models[1], folder, overwrite=True)
        assert content(folder) == before
    assert not list(folder.glob(".sknemg-*"))


def test_a_first_model_that_cannot_be_written_leaves_nothing(tmp_path, models, monkeypatch):
    def fail(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(models[0], tmp_path / "model")
    assert not any(tmp_path.iterdir())


def states_of(folder, action, monkeypatch):
    """Copy a folder as it is before each renaming of an action: what a kill there leaves."""
    rename, states = Path.rename, []

    def copy_and_rename(self, target):
        states.append(folder.parent / f"{folder.name}-{len(states)}")
        shutil.copytree(folder, states[-1])
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", copy_and_rename)
        action()
    return states


@pytest.mark.parametrize("with_tables", [(True, False), (False, True)])
def test_after_a_kill_the_model_before_answers_and_saving_goes_on(
    tmp_path, models, monkeypatch, with_tables
):
    first, second = ({"scores": model_table()} if there else None for there in with_tables)
    folder = tmp_path / "model"
    old = save_model(models[0], folder, card="my own card", evaluation=first)
    before = content(folder)
    with pytest.warns(UserWarning, match="is kept as"):
        states = states_of(
            folder,
            lambda: save_model(models[1], folder, evaluation=second, overwrite=True),
            monkeypatch,
        )
    assert len(states) == 9
    for at, state in enumerate(states):
        if at == 0:  # nothing has moved
            load_model(state, fingerprint=old)
        else:
            with pytest.warns(UserWarning, match="was broken off: this is the model that was") as c:
                load_model(state, fingerprint=old)
            assert c[0].filename == __file__
            assert read_card(state) == "my own card"
            with pytest.raises((InvalidModelError, ImportError), match=r"save it anew|'sknemg.hub"):
                push_to_hub(state, "ward/emg")
        with pytest.raises(FileExistsError, match="or set overwrite=True"):
            save_model(models[1], state)
        again = states_of(state, lambda state=state: _put_in_order(state), monkeypatch)
        assert content(state).items() >= before.items()  # and a copy of the card
        for stopped in again:  # putting back may be killed as well
            with pytest.warns(UserWarning, match="was broken off"):
                load_model(stopped, fingerprint=old)
            with pytest.warns(UserWarning, match="is kept as"):
                new = save_model(models[1], stopped, evaluation=second, overwrite=True)
            load_model(stopped, fingerprint=new)
            assert not list(stopped.glob(".sknemg-*"))


def test_what_a_kill_leaves_behind_is_taken_off_by_the_next_saving(tmp_path, models, monkeypatch):
    folder = tmp_path / "model"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
        save_model(models[0], folder)
        fingerprint = save_model(models[1], folder, overwrite=True)
    assert len(list(folder.glob(".sknemg-*"))) == 2
    load_model(folder, fingerprint=fingerprint)
    save_model(models[0], folder, overwrite=True)
    assert not list(folder.glob(".sknemg-*"))


def test_a_saving_whose_files_another_one_took_off_does_not_end_as_if_it_had_saved(
    tmp_path, models, monkeypatch
):
    folder, rename, done = tmp_path / "model", Path.rename, []
    save_model(models[0], folder)
    before = content(folder)

    def rename_with_another(self, target):
        done.append(target)
        if len(done) == 6:  # the files of the model before are out, and one of the new ones is in
            monkeypatch.setattr(Path, "rename", rename)
            _put_in_order(folder)
            return None
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_with_another)
    with pytest.raises(FileNotFoundError):
        save_model(models[1], folder, overwrite=True)
    assert content(folder) == before


def test_savings_into_one_folder_take_turns(tmp_path, models, monkeypatch):
    folder, rename = tmp_path / "model", Path.rename
    save_model(models[0], folder)
    halfway, go_on = threading.Event(), threading.Event()

    def rename_and_wait(self, target):
        moved = rename(self, target)
        if not halfway.is_set():
            halfway.set()
            assert go_on.wait(30)
        return moved

    monkeypatch.setattr(Path, "rename", rename_and_wait)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(save_model, models[1], folder, overwrite=True)
        assert halfway.wait(30)
        second = pool.submit(save_model, models[0], folder, overwrite=True)
        waiting = not wait([second], timeout=0.3).done
        go_on.set()
        assert first.result() != second.result() and waiting
    load_model(folder, fingerprint=second.result())
    assert not list(folder.glob(".sknemg-*"))


def test_of_two_first_savings_one_is_refused(tmp_path, models, monkeypatch):
    folder = tmp_path / "model"

    def write_after_another(self, content):
        monkeypatch.undo()
        save_model(models[0], folder)
        return self.write_bytes(content)

    monkeypatch.setattr(Path, "write_bytes", write_after_another)
    with pytest.raises(FileExistsError, match="or set overwrite=True"):
        save_model(models[1], folder)
    load_model(folder)
    assert not list(folder.glob(".sknemg-*"))


def test_a_first_saving_that_was_killed_is_no_obstacle(tmp_path, models, monkeypatch):
    folder = tmp_path / "model"
    for state in states_of(folder, lambda: save_model(models[0], folder), monkeypatch):
        with pytest.raises(InvalidModelError, match=r"left is in folder '.sknemg-\w+'"):
            load_model(state)
        fingerprint = save_model(models[1], state)
        load_model(state, fingerprint=fingerprint)


KILLED = """
import os, sys
from pathlib import Path
from sknemg.persistence._write_folder import fill_folder
fill_folder(Path(sys.argv[1]), lambda place: os._exit(7), overwrite=True)
"""


@pytest.mark.parametrize("saved", [False, True])
def test_what_a_saving_that_was_killed_while_it_wrote_has_left_is_taken_off(
    tmp_path, models, saved
):
    folder = tmp_path / "model"
    if saved:
        save_model(models[1], folder)
    assert subprocess.run([sys.executable, "-c", KILLED, folder]).returncode == 7
    assert list(folder.glob(".sknemg-*"))

    def save_another_one(place):
        save_model(models[0], folder, overwrite=True)  # which leaves what is under way alone
        assert place.is_dir() and len(list(folder.glob(".sknemg-*"))) == 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_folder(folder, save_another_one, overwrite=True)
    assert not list(folder.glob(".sknemg-*"))
    load_model(folder)


def test_what_another_user_of_a_shared_folder_has_left_is_no_obstacle(
    tmp_path, models, monkeypatch
):
    folder = tmp_path / "model"
    save_model(models[1], folder)
    (folder / ".sknemg-theirs").mkdir()
    exists = Path.exists

    def exists_for_me(path, **options):
        if path.parent.name == ".sknemg-theirs":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return exists(path, **options)

    monkeypatch.setattr(Path, "exists", exists_for_me)
    fingerprint = save_model(models[0], folder, overwrite=True)
    monkeypatch.undo()
    load_model(folder, fingerprint=fingerprint)
    assert (folder / ".sknemg-theirs").is_dir()


def test_what_is_not_the_models_stays_when_it_is_replaced(tmp_path, models):
    folder = tmp_path / "model"
    save_model(models[0], folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    save_model(models[1], folder, overwrite=True)
    assert (folder / ".git" / "HEAD").read_text() == "ref: refs/heads/main"
    assert (folder / ".gitattributes").read_text() == "*.safetensors filter=lfs"
    first = content(folder)
    (folder / "notes.txt").write_text("mine")  # beside which no model can be loaded
    with pytest.raises(FileExistsError, match=r"holds the file 'notes.txt' beside the model"):
        save_model(models[0], folder, overwrite=True)
    assert content(folder) == {**first, "notes.txt": b"mine"}


def test_a_card_that_somebody_filled_in_is_kept(tmp_path, models):
    folder = tmp_path / "model"
    save_model(models[0], folder)
    for model in reversed(models):  # nobody has touched the card: nothing is kept, nothing said
        save_model(model, folder, overwrite=True)
    assert not list(folder.glob("README.md.*"))
    for name in ("README.md.before", "README.md.before-2"):
        mine = (folder / "README.md").read_text().replace("**Not stated.**", f"In {name}.")
        (folder / "README.md").write_text(mine)
        with pytest.warns(UserWarning, match=rf"is kept as '.*{name}'") as caught:
            save_model(models[1], folder, overwrite=True)
        assert caught[0].filename == __file__
        assert (folder / name).read_text() == mine
        assert "**Not stated.**" in (folder / "README.md").read_text()
    load_model(folder)


def model_table():
    import pandas as pd

    return pd.DataFrame({"a": [1]})


def test_another_version_is_warned_of(tmp_path, monkeypatch):
    X, y = cohort()
    save_model(features().fit(X, y), tmp_path / "model")
    from sknemg.persistence import _config

    def other(names):
        return {**versions_of(names), "scikit-learn": "0.0.1"}

    monkeypatch.setattr(_config, "versions_of", other)
    with pytest.warns(ModelVersionWarning, match=r"scikit-learn .* \(here 0.0.1\): its predict"):
        load_model(tmp_path / "model")


def test_a_model_without_a_network_loads_without_torch(tmp_path):
    X, y = cohort()
    model = features().fit(X, y)
    save_model(model, tmp_path / "model")
    heavy = ["torch", "skorch", "timm", "librosa", "matplotlib"]
    code = (
        "import sys; from sknemg import load_model; load_model(sys.argv[1]); "
        "print([name for name in sys.argv[2:] if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model", *heavy],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    assert run.stdout.strip() == "[]"


# -- nothing of a patient leaves ---------------------------------------------------------------


@pytest.mark.parametrize("make", [features, raw])
def test_no_byte_of_a_model_knows_a_training_subject(tmp_path, make):
    X, y = cohort()
    X = X.with_columns(file=[f"ward7/{row:04d}-Müller.edf" for row in range(len(X))])
    model = make(cv=3).fit(X, y)
    votes, hashes = model[-1].votes_, model[-1]._subject_hashes
    assert len(votes) == len(hashes) == X["subject"].nunique()
    save_model(model, tmp_path / "model", evaluation={"counts": model_table()})
    content = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    everything = content + " ".join(str(p) for p in tmp_path.rglob("*")).encode()
    traces = [*X["subject"], *X["file"], model[-1]._subject_salt]
    for trace in traces:
        assert trace.encode() not in everything
        assert trace.encode("unicode_escape") not in everything
    for array in (votes, hashes):
        for row in array:
            assert np.ascontiguousarray(row).tobytes() not in content
    loaded = load_model(tmp_path / "model")
    assert not loaded[-1].trained_on(X["subject"]).any()
    assert not hasattr(loaded[-1], "votes_")


#: What each estimator of the list has in a file of the schema, as a short hash.
FORM = {
    "BandPass": "c8e2110c",
    "Downsampler": "c8e2110c",
    "Segmenter": "c8e2110c",
    "SegmentFeatures": "c8e2110c",
    "InterferenceFeatures": "c8e2110c",
    "PatternFeatures": "c8e2110c",
    "MuapFeatures": "c8e2110c",
    "MelSpectrogram": "c8e2110c",
    "Spectrogram": "c8e2110c",
    "PlotImage": "c8e2110c",
    "NEMGNetClassifier": "e554b837",
    "NetworkFeatures": "678ccfd8",
    "TimmClassifier": "b5d1cbf0",
    "OnnxClassifier": "5dd94da9",
    "DiVoteClassifier": "26bab6d6",
    "JointVoteClassifier": "dcf560b7",
    "Plausibility": "cdb9acb5",
    "Diagnostician": "f2d65546",
    "Pipeline": "e90f528f",
    "StandardScaler": "9fb12b9b",
    "MinMaxScaler": "33e68376",
    "MaxAbsScaler": "bb2e15a6",
    "RobustScaler": "3e6ddd4b",
    "PCA": "8eb5898c",
    "LogisticRegression": "91ee9074",
    "LinearDiscriminantAnalysis": "960d90d7",
    "GaussianNB": "3d711565",
}


def test_the_schema_changes_with_what_a_file_holds():
    """An estimator that gains or loses a part needs the next number of the schema.

    If this fails for an estimator that was there before: raise SCHEMA, say in docs/guide/models.md
    what changed, and write the new hashes here. A new estimator needs its line, and no new number.
    """
    from sknemg.persistence._config import SCHEMA

    found = {}
    for name, kind in KINDS.items():
        state = [(attribute, repr(value)) for attribute, value in sorted(kind.state.items())]
        text = repr((state, sorted(kind.optional)))
        found[name] = sha256(text.encode()).hexdigest()[:8]
    assert (SCHEMA, found) == (2, FORM)


def test_every_estimator_of_the_list_is_there():
    from sknemg.persistence._kinds import class_of, kind_of

    for name in KINDS:
        assert class_of(name).__name__ == name
    assert kind_of(Mine()) is None
    assert kind_of(LogisticRegression())[0] == "LogisticRegression"
