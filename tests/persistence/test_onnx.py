"""Models as one ONNX file: the same answers without torch, and files that are refused."""

import copy
import json
import os
import pickle
import re
import subprocess
import sys
import textwrap
from hashlib import sha256

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sknemg import (
    DiVoteClassifier,
    Downsampler,
    InvalidModelError,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    TimmClassifier,
    export_onnx,
    load_model,
    save_model,
)
from sknemg.diagnosis import Diagnostician
from sknemg.persistence import _onnx_read
from sknemg.persistence._onnx_graph import _affine
from sknemg.persistence.light import load_light

onnx = pytest.importorskip("onnx", reason="the extra export is not installed")
pytest.importorskip("onnxruntime", reason="the extra inference is not installed")


def cohort(n_subjects=12, seed=0):
    """Bursts of noise whose size is the class's."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n_subjects), 2)
    size = np.exp(0.7 * (who % 3) + 0.3 * rng.normal(size=n_subjects)[who])
    signals = [(s * rng.normal(size=1100) * (0.1 + rng.uniform(size=1100))) for s in size]
    names = np.array(["myopathy", "neuropathy", "normal"])
    subject = [f"CODE-{number:03d}" for number in who]
    return Recordings(signals, sfreq=1000, subject=subject), names[who % 3]


@pytest.fixture(scope="module")
def model():
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    pipe = make_pipeline(
        Downsampler(500), Segmenter(0.4, 0.2), SegmentFeatures(), DiVoteClassifier(linear)
    )
    return Diagnostician(pipe, cv=2).fit(*cohort())


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return file, export_onnx(model, file, card="# The card\nof this model")


@pytest.fixture
def edit(exported, tmp_path):
    """Change the file, and say where the changed one is."""

    def change(act):
        proto = onnx.load(exported[0])
        file = tmp_path / "model.onnx"
        made = act(proto)
        made = made if isinstance(made, onnx.ModelProto) else proto
        file.write_bytes(made.SerializeToString())
        return file

    return change


def refused(file, message, **options):
    for load in (load_model, load_light) if file.suffix == ".onnx" else (load_model,):
        with pytest.raises(InvalidModelError, match=message) as caught:
            load(file, **options)
        assert len(str(caught.value)) < 600 and str(caught.value).endswith(".")


# -- the same answers --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # a flat channel
def test_the_answers_are_those_of_the_model(model, exported):
    light = load_model(exported[0], fingerprint=exported[1])
    X, _ = cohort(6, seed=1)
    X = X.with_columns(subject=["a", "a", "b", "b", "c", "c"] * 2)
    for one, other in zip(model.diagnose(X), light.diagnose(X), strict=True):
        assert (one.answer, one.reasons) == (other.answer, other.reasons)
        for label, probability in one.probabilities.items():
            assert probability == pytest.approx(other.probabilities[label], abs=1e-5)
    (flat,) = light.diagnose(Recordings([np.zeros(2000)], sfreq=1000, subject="d"))
    assert flat.text == "cannot be judged"


def scores(classifier, X):
    return classifier.predict_proba(X.astype(np.float32))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "steps",
    [
        (LogisticRegression(max_iter=3000),),
        (RobustScaler(), LogisticRegression()),
        (StandardScaler(with_mean=False), MaxAbsScaler(), LinearDiscriminantAnalysis()),
        (MinMaxScaler(), PCA(3, whiten=True), LinearDiscriminantAnalysis()),
        (RobustScaler(with_scaling=False), PCA(2), StandardScaler(with_std=False),
         LogisticRegression()),
    ],
    ids=str,
)  # fmt: skip
def test_scalers_and_linear_classifiers_become_one_product(steps, n_classes, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    X = rng.normal(size=(60, 5)) * [1, 10, 100, 1, 1e-2] + y[:, None]
    model = DiVoteClassifier(make_pipeline(*steps)).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx")
    light = load_model(tmp_path / "m.onnx")
    new = rng.normal(size=(40, 5)) * [1, 10, 100, 1, 1e-2]
    assert_allclose(scores(light.estimator_, new), scores(model.estimator_, new), atol=1e-5)
    assert_allclose(light.predict_proba(new), model.predict_proba(new), atol=1e-5)
    (node,) = [n for n in onnx.load(tmp_path / "m.onnx").graph.node if n.op_type == "MatMul"]
    assert node.input[0] == "wide"


def test_a_component_without_variance_is_whitened_as_by_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 4))  # two of four directions hold nothing
    pca = PCA(3, whiten=True, svd_solver="full").fit(X)
    assert pca.explained_variance_[2] < 1e-28
    matrix, offset = _affine(pca)
    assert_allclose(X @ matrix + offset, pca.transform(X), rtol=1e-6, atol=1e-6)
    off = rng.normal(size=(5, 4))
    assert_allclose(off @ matrix + offset, pca.transform(off), rtol=1e-6)


def test_features_inside_the_classifier_stay_outside_of_the_graph(tmp_path):
    X, y = cohort()
    inner = make_pipeline(SegmentFeatures(input_sfreq=1000), StandardScaler(), LogisticRegression())
    model = make_pipeline(Segmenter(), DiVoteClassifier(inner)).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx")
    light = load_model(tmp_path / "m.onnx")
    assert list(light[-1].estimator_.named_steps) == ["segmentfeatures", "scores"]
    assert_allclose(light.predict_proba(X), model.predict_proba(X), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"version": "B", "recipe": "published"},
        {"version": "A", "recipe": "tuned", "head": "pooled", "activation": "leaky_relu"},
        {"version": "A", "recipe": "tuned", "short": "pad"},
    ],
)
def test_a_network_scores_as_torch_does(options, tmp_path):
    rng = np.random.default_rng(0)
    n_times = 700 if "short" in options else 1003
    smooth = [np.repeat(rng.normal(size=(4, 8, n_times // n + 1)), n, axis=2)[:, :, :n_times]
              for n in (1, 4, 12)]  # fmt: skip
    X, y = np.concatenate(smooth), np.repeat(["a", "b", "c"], 4)
    network = NEMGNetClassifier(**options, width=8, max_epochs=8, lr=3e-3, random_state=0)
    model = DiVoteClassifier(network).fit(X, y)
    export_onnx(model, tmp_path / "m.onnx")
    light = load_model(tmp_path / "m.onnx")
    noise = rng.normal(size=(50, n_times)) * np.geomspace(1e-3, 30, 50)[:, None]
    new = np.concatenate([noise, *X]).astype("float32")
    expected = model.estimator_.predict_proba(new)
    # Two libraries sum in orders of their own, and a network can amplify it: 2e-5 with AVX-512.
    assert_allclose(light.estimator_.predict_proba(new), expected, rtol=0, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.1
    content = (tmp_path / "m.onnx").read_bytes()
    assert b"/sknemg/" not in content and b"site-packages" not in content  # of this machine


@pytest.mark.slow
def test_a_network_of_timm_is_refused_by_its_operators(tmp_path):
    timm = TimmClassifier("test_resnet", image_size=32, max_epochs=1, batch_size=8, random_state=0)
    images = np.random.default_rng(0).uniform(size=(8, 1, 24, 32)).astype("float32")
    model = DiVoteClassifier(timm).fit(images[:, None], np.repeat(["a", "b"], 4))
    with pytest.raises(TypeError, match=r"a TimmClassifier, needs the operators .*Resize.*: share"):
        export_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_a_graph_is_looked_at_once(exported, monkeypatch):
    looked, check = [], _onnx_read.check_graph
    monkeypatch.setattr(_onnx_read, "check_graph", lambda graph: looked.append(0) or check(graph))
    load_model(exported[0])
    assert len(looked) == 1


def test_a_segment_scores_the_same_bits_alone_and_among_others(exported):
    classifier = load_model(exported[0]).estimator_[-1].estimator_
    X = np.random.default_rng(0).normal(size=(50, *classifier.item_shape_))
    alone = np.concatenate([classifier.predict_proba(X[[at]]) for at in range(50)])
    assert_array_equal(classifier.predict_proba(X), alone)
    assert_array_equal(classifier.predict_proba(X[::-1])[::-1], alone)
    assert_array_equal(classifier.predict(X), classifier.classes_[alone.argmax(axis=1)])


def test_a_light_model_is_copied_pickled_and_exported_again(exported, tmp_path):
    light = load_model(exported[0])
    X, _ = cohort(3, seed=1)
    expected = [d.probabilities for d in light.diagnose(X)]
    export_onnx(light, tmp_path / "again.onnx", card="# The card\nof this model")
    again = load_model(tmp_path / "again.onnx")
    for other in (copy.deepcopy(light), pickle.loads(pickle.dumps(light)), again):
        assert [d.probabilities for d in other.diagnose(X)] == expected
    with pytest.raises(TypeError, match=r"came from an ONNX file.*keep that file"):
        save_model(light, tmp_path / "folder")
    with pytest.raises(TypeError, match="cannot be trained"):
        light.estimator_[-1].estimator_.fit(X, None)


def test_the_metadata_say_what_other_software_needs_and_nothing_of_the_subjects(exported):
    content = exported[0].read_bytes()
    values = {entry.key: entry.value for entry in onnx.load(exported[0]).metadata_props}
    assert json.loads(values["classes"]) == ["myopathy", "neuropathy", "normal"]
    assert [json.loads(values[name]) for name in ("unit", "sfreq", "window", "hop")] == [
        "mV", 500.0, 0.4, 0.2,
    ]  # fmt: skip
    assert values["card"] == "# The card\nof this model"
    onnx.checker.check_model(onnx.load(exported[0]))
    for code in np.unique(cohort()[0]["subject"]):
        assert code.encode() not in content
    assert len(content) < 30_000


def plain(found):
    """A diagnosis without what its tables are called."""
    return (found.subject, found.answer, found.reasons, found.coverage, found.coverage_range)


def same_diagnoses(one, other):
    assert [plain(d) for d in one] == [plain(d) for d in other]
    for a, b in zip(one, other, strict=True):
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-12)
        assert_frame_equal(a.recordings, b.recordings, rtol=1e-9)
        assert_frame_equal(a.segments, b.segments, rtol=1e-7, atol=1e-9)


VOTES = {
    "by default": {},
    "as published": {"final_estimator": "logistic"},
    "by location": {"subject_features": "location", "pooling": "entropy"},
    "averages": {"final_estimator": None, "pooling": "geometric", "recording_weights": "length"},
    "trimmed": {"pooling": "trimmed", "final_estimator": "regularized"},
}


@pytest.mark.parametrize("labels", [3, 2])
@pytest.mark.parametrize(
    "votes", [*list(VOTES)[:4], pytest.param("trimmed", marks=pytest.mark.slow)]
)
@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # a flat channel
def test_the_light_reader_answers_as_the_estimators(votes, labels, tmp_path):
    X, y = cohort()
    kept = np.flatnonzero(y != "normal") if labels == 2 else np.arange(len(X))
    X = X.with_columns(location=np.tile(["proximal", "distal"], len(X) // 2), muscle="biceps")
    linear = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    pipe = make_pipeline(Downsampler(500), Segmenter(0.4, 0.2), SegmentFeatures(),
                         DiVoteClassifier(linear, **VOTES[votes]))  # fmt: skip
    model = Diagnostician(pipe, cv=2, coverage=0.8).fit(X[kept], y[kept])
    fingerprint = export_onnx(model, tmp_path / "m.onnx")
    light = load_light(tmp_path / "m.onnx", fingerprint=fingerprint)
    new, _ = cohort(6, seed=1)
    new = Recordings(
        [*new, np.zeros(2000), new[0][:300]], sfreq=1000, subject=[*"aabbccddeeffgf"],
        location=np.tile(["proximal", "distal"], 7), muscle="tibialis anterior",
    )  # fmt: skip
    found = light.diagnose(new)
    loaded = load_model(tmp_path / "m.onnx")
    same_diagnoses(found, loaded.diagnose(new))
    for one, fitted in zip(found, model.diagnose(new), strict=True):
        assert one.probabilities == pytest.approx(fitted.probabilities, abs=1e-5)
    for name in ("pooling", "recording_weights"):
        assert getattr(loaded.estimator_[-1], name) == getattr(pipe[-1], name)
    assert {d.kind for d in found} > {"none"} and any(len(d.segments) for d in found)
    assert light.coverage_range_ == model.coverage_range_


def test_what_the_light_reader_leaves_to_the_estimators(tmp_path):
    X, y = cohort()
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    inner = make_pipeline(SegmentFeatures(input_sfreq=1000), *linear)
    pipes = [
        make_pipeline(Segmenter(), DiVoteClassifier(inner)),
        make_pipeline(Segmenter(), SegmentFeatures(),
                      DiVoteClassifier(linear, final_estimator=GaussianNB())),
    ]  # fmt: skip
    for at, pipe in enumerate(pipes):
        export_onnx(Diagnostician(pipe, cv=2).fit(X, y), tmp_path / f"{at}.onnx")
        assert load_light(tmp_path / f"{at}.onnx") is None
        load_model(tmp_path / f"{at}.onnx").diagnose(X[:2])
    export_onnx(pipes[0].fit(X, y), tmp_path / "pipe.onnx")  # no Diagnostician
    assert load_light(tmp_path / "pipe.onnx") is None


@pytest.mark.slow
def test_a_patient_is_read_without_torch(exported, tmp_path):
    """The whole command, in a process of its own, from the file to the page."""
    folder = tmp_path / "patient"
    folder.mkdir()
    X, _ = cohort(3, seed=1)
    for at in range(2):
        np.save(folder / f"{at}.npy", X[at])
    script = """
        import sys
        from sknemg.cli import main
        status = main(["diagnose", "--model", sys.argv[1], sys.argv[2], "--out", sys.argv[3],
                       "--file-sfreq", "1000", "--unit", "mV"])
        loaded = {name.partition(".")[0] for name in sys.modules}
        heavy = {"torch", "skorch", "timm", "librosa", "matplotlib", "numba", "torchvision",
                 "sklearn", "scipy", "joblib", "soundfile"}
        print("heavy:", sorted(loaded & heavy))
        sys.exit(status)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), exported[0], folder, tmp_path / "out"],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "heavy: []" in done.stdout
    assert exported[1][:16] in (tmp_path / "out" / "patient.html").read_text(encoding="utf-8")


# -- what is not exported ----------------------------------------------------------------------


def test_what_has_no_graph_is_said(model, tmp_path):
    X, y = np.eye(6), list("aabbcc")
    search = GridSearchCV(DiVoteClassifier(LogisticRegression()), {"cv": [None]}, cv=2)
    for made, message in (
        (LogisticRegression().fit(X, y), "model is a LogisticRegression, which has no segments"),
        (search.fit(X, y), "of a search, `best_estimator_`"),
        (DiVoteClassifier(GaussianNB()).fit(X, y), "estimator_ is a GaussianNB, for which no ONNX"),
        (DiVoteClassifier(make_pipeline(MinMaxScaler(clip=True), LogisticRegression())).fit(X, y),
         "has a MinMaxScaler before a LogisticRegression"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=message):
            export_onnx(made, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=r"does not end in \.onnx"):
        export_onnx(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_overwritten_by_accident(model, tmp_path):
    file = tmp_path / "m.onnx"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match="give a new name, or set overwrite=True"):
        export_onnx(model, file)
    assert file.read_text() == "mine"
    export_onnx(model, file, overwrite=True)
    load_model(file)


# -- attacks -----------------------------------------------------------------------------------


def test_a_file_written_anew_answers_as_the_first(exported, edit):
    """What the attacks below change is all that is wrong with their files."""
    X, _ = cohort(4, seed=1)
    again = load_model(edit(lambda proto: None)).diagnose(X)
    same_diagnoses(load_model(exported[0]).diagnose(X), again)


@pytest.mark.parametrize("keep", [0, 1, 100, -100, -1])
def test_a_truncated_file(exported, tmp_path, keep):
    file = tmp_path / "m.onnx"
    file.write_bytes(exported[0].read_bytes()[:keep])
    refused(file, "no valid ONNX file|without 'sknemg-model'|metadata|arrays")


@pytest.mark.filterwarnings("ignore::sknemg.persistence.ModelVersionWarning")
def test_noise_in_the_file_never_does_more_than_be_refused(exported, tmp_path):
    whole, rng = exported[0].read_bytes(), np.random.default_rng(0)
    n_refused = 0
    for at in rng.integers(len(whole), size=80):
        content = bytearray(whole)
        content[at] = rng.integers(256)
        (tmp_path / "m.onnx").write_bytes(content)
        try:
            load_model(tmp_path / "m.onnx")
        except InvalidModelError:
            n_refused += 1
        with pytest.raises(InvalidModelError):
            load_model(tmp_path / "m.onnx", fingerprint=exported[1])
            assert bytes(content) == whole  # the byte may stay as it was
            raise InvalidModelError("the same file.")
    assert n_refused > 10


def node(name, inputs=("segments",), outputs=("scores",), domain="", **attributes):
    return onnx.helper.make_node(name, list(inputs), list(outputs), domain=domain, **attributes)


def array(values, name="extra"):
    return onnx.numpy_helper.from_array(np.asarray(values), name)


def external(proto):
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def giant(proto):
    proto.graph.initializer[0].dims[0] = 2**35


def negative(proto):
    proto.graph.initializer[0].dims[0] = -1


def unloaded(proto):
    """A value that is larger than any, made of a few bytes."""
    proto.graph.initializer.append(array(np.array([0, 0, 0, 2**30])))
    proto.graph.node.insert(0, node("Pad", ("segments", "extra"), ("wider",)))


def loop(proto):
    body = onnx.helper.make_graph([], "body", [], [])
    proto.graph.node.append(node("Loop", ("", ""), (), body=body))


def hidden(proto):
    body = onnx.helper.make_graph([], "body", [], [])
    proto.graph.node[0].attribute.append(onnx.helper.make_attribute("body", body))


def many(proto):
    proto.graph.node.extend([node("Identity", outputs=("x",))] * 20_001)


def weights_not_finite(proto):
    proto.graph.initializer[0].CopyFrom(array(np.full((18, 3), np.nan), "weight"))


def meta(name, value):
    def change(proto):
        for entry in proto.metadata_props:
            if entry.key == name:
                entry.value = value(entry.value) if callable(value) else value

    return change


def other_names(proto):
    return onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))


def twice(proto):
    proto.metadata_props.add(key="card", value="")


def another_shape(proto):
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3


def fewer_classes(proto):
    proto.graph.initializer[0].CopyFrom(array(np.zeros((18, 2)), "weight"))
    proto.graph.initializer[1].CopyFrom(array(np.zeros(2), "bias"))
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2


ATTACKS = [
    (external, "keeps arrays in other files"),
    (giant, r"has an array of the size \[34359738368, 3\] with \d+ values"),
    (negative, r"has an array of the size \[-1, 3\]"),
    (unloaded, "has a value of the size .*, beyond"),
    (loop, "has the operators Loop"),
    (hidden, "holds graphs within graphs"),
    (many, "nodes, more than"),
    (weights_not_finite, "weights that are NaN or infinite"),
    (lambda p: p.graph.node.append(node("Evil", domain="com.evil")), "operators com.evil.Evil"),
    (lambda p: p.graph.node.append(node("Where", outputs=("x",))), "has the operators Where"),
    (lambda p: p.functions.add(name="f", domain="local"), "holds functions"),
    (lambda p: p.graph.output.add(name="more"), "1 inputs and 2 outputs"),
    (lambda p: setattr(p.graph.node[0], "op_type", "Tanh"), "cannot be|float32|unknown"),
    (lambda p: p.graph.node[2].input.__setitem__(1, "none"), "cannot be|unknown size"),
    (other_names, "without 'sknemg-model' in its metadata: give one that"),
    (another_shape, "cannot be|states"),
    (fewer_classes, "to 2 scores, the model states .* and 3 classes"),
    (twice, "gives 'card' twice"),
    (meta("sknemg-arrays", "no base64!"), "has no valid arrays"),
    (meta("sknemg-arrays", ""), "no valid file of arrays"),
    (meta("sknemg-model", "{"), "is no valid JSON"),
    (meta("sknemg-model", "{" * 50_000), "is no valid JSON"),
    (meta("sknemg-model", lambda t: t.replace('"OnnxClassifier"', '"os.system"')), "os.system"),
    (meta("sknemg-model", lambda t: t.replace('"schema": 2', '"schema": 3')), "update sknemg"),
    (meta("sfreq", "48000.0"), "states '48000.0' as sfreq .* not that of the model"),
    (meta("classes", '["normal"]'), "do not trust the file"),
]


@pytest.mark.parametrize(("act", "message"), ATTACKS, ids=lambda x: getattr(x, "__name__", None))
def test_an_altered_file_is_refused(edit, act, message):
    refused(edit(act), message)


def test_another_fingerprint_a_link_a_pipe_and_a_giant_are_refused(exported, tmp_path):
    refused(exported[0], "another model; ask its maker", fingerprint="0" * 64)
    refused(exported[0], "more than 100: set `max_bytes` if that is right", max_bytes=100)
    refused(tmp_path / "none.onnx", "cannot be opened")
    (tmp_path / "folder.onnx").mkdir()
    refused(tmp_path / "folder.onnx", "no regular file")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.onnx")
        refused(tmp_path / "pipe.onnx", "no regular file")
        (tmp_path / "link.onnx").symlink_to(exported[0])
        refused(tmp_path / "link.onnx", "cannot be opened")
    (tmp_path / "m.onnx").write_bytes(pickle.dumps([1]))
    refused(tmp_path / "m.onnx", "no valid ONNX file|without 'sknemg")


def test_a_folder_cannot_pose_as_an_onnx_model(tmp_path, exported):
    X, y = np.eye(6), list("aabbcc")
    save_model(DiVoteClassifier(LogisticRegression()).fit(X, y), tmp_path / "folder")
    config = tmp_path / "folder" / "config.json"
    text = json.loads(config.read_bytes())
    text["model"]["state"]["estimator_"] = {
        "estimator": "OnnxClassifier", "parameters": {},
        "state": {"classes_": text["model"]["state"]["classes_"], "item_shape_": [6],
                  "graph_": None},
    }  # fmt: skip
    config.write_text(json.dumps(text))
    files = [tmp_path / "folder" / name for name in ("config.json", "model.safetensors")]
    sums = "".join(f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (tmp_path / "folder" / "SHA256SUMS").write_text(sums)
    refused(tmp_path / "folder", "a graph of ONNX, which a model folder lacks")


def test_without_onnxruntime_the_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=re.escape("pip install 'sknemg[inference]'")):
        load_model(exported[0])


def test_two_classes_are_scored_as_by_scikit_learn_to_the_last_bit():
    from sknemg.persistence.light import _logistic

    X = np.random.default_rng(0).normal(size=(400, 3))
    model = LogisticRegression().fit(X, X[:, 0] + 0.5 * X[:, 1] > 0)
    votes = np.concatenate([X, 1000 * X])
    got = [_logistic(model.coef_, model.intercept_, row[None])[0] for row in votes]
    assert_array_equal(got, np.concatenate([model.predict_proba(row[None]) for row in votes]))
