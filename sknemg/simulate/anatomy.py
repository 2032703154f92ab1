"""Anatomy of the simulated muscles: location, length, and where a needle goes."""

from typing import NamedTuple


class Anatomy(NamedTuple):
    """Where a muscle lies and how long its fibres are.

    Proximality runs from 0 (hand, foot) to 1 (hip). A needle usually lies ``depth`` mm from the
    end-plates, along the fibres; either tendon is ``half_length`` mm from the end-plates.
    """

    location: str
    proximality: float
    depth: float
    half_length: float


#: The muscles that are simulated, in contraction and at rest.
MUSCLES = {
    "iliopsoas": Anatomy("proximal", 1.0, 16, 60),
    "gluteus medius": Anatomy("proximal", 0.95, 14, 45),
    "deltoid": Anatomy("proximal", 0.9, 14, 50),
    "biceps brachii": Anatomy("proximal", 0.75, 16, 60),
    "triceps brachii": Anatomy("proximal", 0.7, 14, 45),
    "vastus lateralis": Anatomy("proximal", 0.7, 14, 45),
    "vastus medialis": Anatomy("proximal", 0.65, 14, 45),
    "flexor carpi radialis": Anatomy("distal", 0.4, 12, 40),
    "extensor digitorum communis": Anatomy("distal", 0.35, 12, 40),
    "tibialis anterior": Anatomy("distal", 0.25, 14, 45),
    "gastrocnemius": Anatomy("distal", 0.25, 12, 35),
    "peroneus longus": Anatomy("distal", 0.2, 12, 40),
    "abductor pollicis brevis": Anatomy("distal", 0.05, 9, 20),
    "first dorsal interosseous": Anatomy("distal", 0.0, 9, 20),
}
