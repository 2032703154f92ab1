"""Muscles by their names in English, German and Latin, and whether they are proximal or distal."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sknemg.recordings._problems import check_choice, listed, shown
from sknemg.recordings._subjects import missing_entries


class NamedMuscle(NamedTuple):
    """Where the belly of a muscle lies, and what else the muscle is called.

    ``location`` is ``"proximal"`` of elbow or knee, ``"distal"`` of them, or None for a muscle of
    the head or the trunk that is neither.
    """

    location: Literal["proximal", "distal"] | None
    names: tuple[str, ...] = ()


def _named(location: Literal["proximal", "distal"] | None, names: str = "") -> NamedMuscle:
    return NamedMuscle(location, tuple(name.strip() for name in names.split(",") if name.strip()))


_PROXIMAL = {
    # shoulder girdle
    "trapezius": "trap, trapezmuskel, kapuzenmuskel, upper trapezius, lower trapezius",
    "levator scapulae": "",
    "rhomboid": "rhomboids, rhomboideus, rhomboid major, rhomboid minor, rhomboideus major, "
    "rhomboideus minor, rautenmuskel",
    "serratus anterior": "vorderer saegemuskel",
    "supraspinatus": "ssp, obergraetenmuskel",
    "infraspinatus": "isp, untergraetenmuskel",
    "subscapularis": "",
    "teres major": "grosser rundmuskel",
    "teres minor": "kleiner rundmuskel",
    "pectoralis major": "pectoralis, pmaj, grosser brustmuskel",
    "pectoralis minor": "kleiner brustmuskel",
    "latissimus dorsi": "latissimus, grosser rueckenmuskel",
    # upper arm
    "deltoid": "deltoideus, deltoids, delt, del, deltamuskel, anterior deltoid, middle deltoid, "
    "posterior deltoid, medial deltoid, lateral deltoid, mid deltoid, deltoideus anterior, "
    "deltoideus medius, deltoideus posterior, deltoideus lateralis",
    "biceps brachii": "biceps, bizeps, bb, bic, bicb, biceps br, armbeuger, biceps arm",
    "triceps brachii": "triceps, trizeps, tb, tri, tric, triceps br, armstrecker",
    "brachialis": "",
    "coracobrachialis": "",
    # hip
    "iliopsoas": "ip, ilp, iliopsoas muscle, hueftbeuger, lendendarmbeinmuskel",
    "iliacus": "",
    "psoas": "psoas major",
    "gluteus maximus": "gmax, glut max, glutaeus maximus, grosser gesaessmuskel",
    "gluteus medius": "gmed, glut med, glutaeus medius, mittlerer gesaessmuskel",
    "gluteus minimus": "gmin, glut min, glutaeus minimus, kleiner gesaessmuskel",
    "tensor fasciae latae": "tfl, tensor fascia lata, tensor fasciae lata",
    # thigh
    "quadriceps femoris": "quadriceps, quadrizeps, quad, quads, qf, schenkelstrecker",
    "vastus lateralis": "vl, vlat, vast lat, vastus lat",
    "vastus medialis": "vm, vmed, vast med, vastus med, vmo, vastus medialis obliquus",
    "vastus intermedius": "",
    "rectus femoris": "rf, rect fem, rectus fem",
    "sartorius": "schneidermuskel",
    "adductor longus": "add long, langer schenkelanzieher",
    "adductor magnus": "add mag, grosser schenkelanzieher",
    "adductor brevis": "",
    "gracilis": "",
    "biceps femoris": "bf, bic fem, biceps fem, short head of biceps femoris, "
    "long head of biceps femoris",
    "semitendinosus": "semitend",
    "semimembranosus": "semimemb",
    "hamstrings": "hamstring, ischiocrural muscles, ischiokrurale muskeln",
}
_DISTAL = {
    # forearm
    "brachioradialis": "brr, brachiorad, oberarmspeichenmuskel",
    "anconeus": "",
    "supinator": "",
    "pronator teres": "pronator, pron teres",
    "pronator quadratus": "pq",
    "flexor carpi radialis": "fcr, flex carpi rad",
    "flexor carpi ulnaris": "fcu, flex carpi uln",
    "palmaris longus": "",
    "flexor digitorum superficialis": "fds, flexor digitorum sublimis",
    "flexor digitorum profundus": "fdp",
    "flexor pollicis longus": "fpl",
    "extensor carpi radialis": "ecr, ecrl, ecrb, extensor carpi radialis longus, "
    "extensor carpi radialis brevis",
    "extensor carpi ulnaris": "ecu",
    "extensor digitorum communis": "edc, ext dig comm, ext dig com, extensor digitorum, "
    "gemeinsamer fingerstrecker, fingerstrecker",
    "extensor indicis": "eip, extensor indicis proprius",
    "extensor digiti minimi": "edm",
    "extensor pollicis longus": "epl",
    "extensor pollicis brevis": "epb",
    "abductor pollicis longus": "apl",
    # hand
    "abductor pollicis brevis": "apb, abd poll brev, abd pollicis brevis, kurzer daumenabspreizer",
    "opponens pollicis": "opp poll",
    "flexor pollicis brevis": "fpb",
    "adductor pollicis": "add poll",
    "abductor digiti minimi": "adm, adq, abductor digiti quinti, abd dig min, "
    "kleinfingerabspreizer",
    "flexor digiti minimi": "flexor digiti minimi brevis",
    "opponens digiti minimi": "",
    "first dorsal interosseous": "fdi, fdio, dio1, di1, di i, 1st dorsal interosseous, "
    "interosseus dorsalis 1, interosseus dorsalis i, interosseus dorsalis primus, "
    "dorsal interosseous 1, dorsal interosseous i, first dorsal interosseus, dorsal interosseus 1, "
    "1st dorsal interosseus, interosseus 1, interosseous 1, interosseus i, interosseous i, "
    "interosseus dorsalis manus 1, interosseus dorsalis manus i, first interosseous, "
    "1st interosseous, 1st interosseus",
    "dorsal interosseous": "interosseus dorsalis, interosseus, interosseous, interossei, "
    "interossei dorsales, dorsal interossei",
    "lumbrical": "lumbricals, lumbricalis, lumbricales",
    # leg
    "tibialis anterior": "ta, tib ant, tib anterior, anterior tibialis, anterior tibial, tibant, "
    "vorderer schienbeinmuskel",
    "tibialis posterior": "tp, tib post, tib posterior, posterior tibialis, tibpost, "
    "hinterer schienbeinmuskel",
    "extensor hallucis longus": "ehl",
    "extensor digitorum longus": "edl",
    "peroneus longus": "fibularis longus, per long, perl, langer wadenbeinmuskel",
    "peroneus brevis": "fibularis brevis, kurzer wadenbeinmuskel",
    "peroneus tertius": "fibularis tertius",
    "peroneus": "fibularis, peronei",
    "gastrocnemius": "gastroc, gastro, gas, gastroknemius, medial gastrocnemius, "
    "lateral gastrocnemius, gastrocnemius medialis, gastrocnemius lateralis, mg, lg, gastroc med, "
    "gastroc lat, gastrocnemius med, gastrocnemius lat, gcm, wadenmuskel, zwillingswadenmuskel",
    "soleus": "sol, schollenmuskel",
    "triceps surae": "trizeps surae",
    "popliteus": "",
    "flexor digitorum longus": "fdl",
    "flexor hallucis longus": "fhl",
    # foot
    "abductor hallucis": "ah, abd hall, grosszehenabspreizer",
    "extensor digitorum brevis": "edb",
    "flexor hallucis brevis": "fhb",
    "flexor digitorum brevis": "fdb",
    "abductor digiti minimi pedis": "adqp, admp, abductor digiti quinti pedis",
    "interosseus pedis": "",
}
_NEITHER = {
    "paraspinal": "paraspinals, paraspinal muscles, paravertebral, paravertebrals, erector spinae, "
    "multifidus, multifidi, longissimus, iliocostalis, paravertebrale muskulatur, "
    "cervical paraspinal, thoracic paraspinal, lumbar paraspinal, cervical paraspinals, "
    "thoracic paraspinals, lumbar paraspinals, rueckenstrecker, psm",
    "sternocleidomastoid": "scm, sternocleidomastoideus, kopfwender, sternomastoid",
    "rectus abdominis": "",
    "external oblique": "obliquus externus abdominis",
    "intercostal": "intercostalis, intercostals",
    "diaphragm": "diaphragma, zwerchfell",
    "tongue": "genioglossus, zunge, lingua",
    "masseter": "kaumuskel",
    "temporalis": "",
    "frontalis": "",
    "orbicularis oculi": "",
    "orbicularis oris": "",
    "mentalis": "",
    "nasalis": "",
    "anal sphincter": "sphincter ani externus, external anal sphincter, sphincter ani",
}

#: Muscles by their usual English or Latin name, which the simulator uses too. The belly decides
#: which side of elbow or knee a muscle lies on.
MUSCLES: dict[str, NamedMuscle] = {
    **{name: _named("proximal", names) for name, names in _PROXIMAL.items()},
    **{name: _named("distal", names) for name, names in _DISTAL.items()},
    **{name: _named(None, names) for name, names in _NEITHER.items()},
}

#: Of several muscles that lie on one side of the joints, so that the location is known.
_SHARED: dict[str, Literal["proximal", "distal"]] = {
    "pl": "distal",  # peroneus longus, palmaris longus
    "pb": "distal",  # peroneus brevis, in the leg
    "pt": "distal",  # pronator teres, peroneus tertius
}

_LEFT = frozenset(
    {"l", "left", "lt", "lft", "lh", "li", "links", "linker", "linke", "linkes"}
    | {"sin", "sinister", "sinistra", "sinistri"}
)
_RIGHT = frozenset(
    {"r", "right", "rt", "rgt", "rh", "re", "rechts", "rechter", "rechte", "rechtes"}
    | {"dex", "dext", "dexter", "dextra", "dextri"}
)
_SIDES = _LEFT | _RIGHT
_FILLING = frozenset(["m", "mm", "musc", "musculus", "muscle", "muskel", "mus", "the"])
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
# "caput longum", "pars clavicularis", "long head", "(middle part)", "L5" name a part of a muscle.
_PART = re.compile(
    r"\b(?:caput|pars)\s+\w+|\b(?:long|short|medial|lateral|clavicular|sternal|acromial|middle|"
    r"anterior|posterior|mid|upper|lower)\s+(?:head|part|portion|fibres|fibers)\b|\b[ctls][0-9]{1,2}\b"
)


def location_from_muscle(
    names: ArrayLike, *, unknown: Literal["raise", "missing"] = "raise"
) -> NDArray[np.object_]:
    """Tell from the names of muscles whether they are proximal or distal.

    Elbow and knee divide them, as in the papers [1]_; the belly of the muscle counts, so that
    the brachioradialis is distal. Names are English, Latin or German, or the usual abbreviations
    (``APB``, ``FDI``, ``TA``, ``VL``). Case, ``M.``, left and right, the order of words, and heads
    and parts of a muscle do not matter. A name that is not in the table is never guessed at:
    ``GM`` may be a gluteus or a gastrocnemius.

    Parameters
    ----------
    names : array-like of str of shape (n_recordings,)
        Missing entries have no location.
    unknown : {"raise", "missing"}, default="raise"
        Whether unknown names are an error, or recordings without a location and a warning.

    Returns
    -------
    ndarray of shape (n_recordings,), object
        ``"proximal"``, ``"distal"``, or None where no name is given, and for muscles of head and
        trunk that lie on no limb.

    Raises
    ------
    ValueError
        Listing every name that is unknown, with its rows.

    Warns
    -----
    UserWarning
        With ``unknown="missing"``, listing the same.

    References
    ----------
    .. [1] J. Yoo et al. (2022). Residual one-dimensional convolutional neural network for
       neuromuscular disorder classification from needle electromyography signals with
       explainability. Computer Methods and Programs in Biomedicine 226, 107079.

    Examples
    --------
    >>> from sknemg.recordings import location_from_muscle
    >>> names = ["M. tibialis anterior links", "Bizeps (re.)", "FDI", "Lt vastus lat.", None]
    >>> location_from_muscle(names).tolist()
    ['distal', 'proximal', 'distal', 'proximal', None]
    """
    check_choice(("raise", "missing"), unknown=unknown)
    entries = pd.Series(names, dtype=object)
    locations, strange = find_locations(entries)
    if strange:
        rows = [f"{shown(name)} ({listed(at, 'row')})" for name, at in strange.items()]
        message = f"Muscles with unknown names, {', '.join(rows)}: write the name in full, "
        message += "or give the location."
        if unknown == "raise":
            raise ValueError(message)
        warnings.warn(message, stacklevel=2)
    return locations


def named_muscle(name: str) -> tuple[str | None, str]:
    """Tell which muscle of `MUSCLES` a name means, and which side it states.

    Parameters
    ----------
    name : str

    Returns
    -------
    muscle : str or None
        Its usual name, without the part; None if the name is unknown or means several muscles.
    side : {"left", "right", ""}

    Examples
    --------
    >>> named_muscle("M. tibialis anterior links"), named_muscle("Biceps Brachii")
    (('tibialis anterior', 'left'), ('biceps brachii', ''))
    >>> named_muscle("GM"), named_muscle("PL re.")
    ((None, ''), (None, 'right'))
    """
    words = set(re.findall(r"[^\W_]+", name.casefold()))  # L5 is no side
    left, right = bool(words & _LEFT), bool(words & _RIGHT)
    side = ("", "left", "right", "")[left + 2 * right]
    return next((_USUAL[key] for key in _keys(name) if key in _USUAL), None), side


def find_locations(names: pd.Series) -> tuple[NDArray[np.object_], dict[Any, list[int]]]:
    """Return the location of each muscle, and the positions of the names that are unknown."""
    locations = np.full(len(names), None, dtype=object)
    strange: dict[Any, list[int]] = {}
    for at, (name, gap) in enumerate(zip(names, missing_entries(names), strict=True)):
        if gap or (isinstance(name, str) and not name.strip()):
            continue
        known, location = _locate(name) if isinstance(name, str) else (False, None)
        locations[at] = location
        if not known:
            strange.setdefault(name, []).append(at)
    return locations, strange


def _locate(name: str) -> tuple[bool, str | None]:
    for key in _keys(name):
        if key in _INDEX:
            return True, _INDEX[key]
    return False, None


def _keys(name: str) -> Iterable[tuple[str, ...]]:
    """Spell a name as the index does: as it is, then without what says which part it is."""
    text = unicodedata.normalize("NFC", name).casefold().translate(_GERMAN)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for spelled in (text, _PART.sub(" ", text)):
        words = re.findall(r"[a-z0-9]+", spelled)
        for left_out in (_FILLING, _FILLING | _SIDES):
            kept = [word for word in words if word not in left_out]
            if kept:
                yield tuple(sorted(kept))


def _index() -> dict[tuple[str, ...], str | None]:
    index: dict[tuple[str, ...], str | None] = {}
    for own, muscle in MUSCLES.items():
        for name in (own, *muscle.names):
            (key, *_) = _keys(name)
            if index.setdefault(key, muscle.location) != muscle.location:
                raise AssertionError(f"{name!r} is proximal and distal")
    index |= {(name,): location for name, location in _SHARED.items()}
    return index


def _usual_names() -> dict[tuple[str, ...], str | None]:
    """List the usual name by every spelling; None for one that several muscles have."""
    usual: dict[tuple[str, ...], str | None] = {}
    for own, muscle in MUSCLES.items():
        for name in (own, *muscle.names):
            (key, *_) = _keys(name)
            usual[key] = own if usual.get(key, own) == own else None
    return usual | {(name,): None for name in _SHARED}


_INDEX = _index()
_USUAL = _usual_names()
