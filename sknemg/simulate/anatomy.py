"""Anatomy of the simulated muscles: location, length, and where a needle goes."""

from typing import NamedTuple

from sknemg.recordings.muscles import MUSCLES as NAMED


class Anatomy(NamedTuple):
    """Where a muscle lies and how long its fibres are.

    Proximality runs from 0 (hand, foot) to 1 (hip). A needle usually lies ``depth`` mm from the
    end-plates, along the fibres; either tendon is ``half_length`` mm from the end-plates.
    """

    proximality: float
    depth: float
    half_length: float
    location: str


def _anatomy(name: str, proximality: float, depth: float, half_length: float) -> Anatomy:
    location = NAMED[name].location
    assert location  # muscles of the limbs
    return Anatomy(proximality, depth, half_length, location)


_SIMULATED = (
    ("iliopsoas", 1.0, 16, 60),
    ("gluteus medius", 0.95, 14, 45),
    ("deltoid", 0.9, 14, 50),
    ("biceps brachii", 0.75, 16, 60),
    ("triceps brachii", 0.7, 14, 45),
    ("vastus lateralis", 0.7, 14, 45),
    ("vastus medialis", 0.65, 14, 45),
    ("flexor carpi radialis", 0.4, 12, 40),
    ("extensor digitorum communis", 0.35, 12, 40),
    ("tibialis anterior", 0.25, 14, 45),
    ("gastrocnemius", 0.25, 12, 35),
    ("peroneus longus", 0.2, 12, 40),
    ("abductor pollicis brevis", 0.05, 9, 20),
    ("first dorsal interosseous", 0.0, 9, 20),
)
#: The muscles that are simulated, in contraction and at rest.
MUSCLES = {name: _anatomy(name, *sizes) for name, *sizes in _SIMULATED}
