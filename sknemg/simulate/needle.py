"""Needle electrodes: how strongly each sees a point source in an anisotropic muscle."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sknemg.recordings._problems import shown
from sknemg.simulate.checks import check_number

#: Resistivity of muscle along and across its fibres, Ω cm (Rush, Abildskov and McFee, Circ Res
#: 1963;12:40-50, as quoted elsewhere: the table itself could not be read). Published ratios range
#: from 5 to 16; at audio frequencies Epstein and Foster (Med Biol Eng Comput 1983;21:51-55) found
#: muscle typically ten times as conductive along as across. This pair was chosen among the
#: published ones with N2001 in view: the more anisotropic the muscle, the less near fibres outweigh
#: far ones, and with a ratio of 5 the share of power from 20 to 70 Hz was three to ten times too
#: small.
RESISTIVITY_ALONG, RESISTIVITY_ACROSS = 150.0, 2300.0
#: Ratio of axial to radial conductivity.
ANISOTROPY = RESISTIVITY_ACROSS / RESISTIVITY_ALONG
#: Line that acts as the core of a concentric needle, the part of its cannula in the tissue (a
#: choice), and its thickness, mm.
CORE_LENGTH, INSERTED, THICKNESS = 0.5, 25.0, 0.46
#: Radius of a monopolar needle's bare tip, and how near a fibre can come to a concentric one, mm.
TIP_RADIUS, NEAREST = 0.2, 0.26


@dataclass(frozen=True, kw_only=True)
class Needle:
    """A needle electrode, its shaft at right angles to the muscle fibres.

    Use :func:`monopolar` or :func:`concentric` for the usual ones. Muscle coordinates are
    millimetres: x and y across the fibres, z along them with the end-plate band at 0.

    An electrode records the mean potential over its surface. Core and cannula are lines
    along the shaft, each at a small distance (its radius) from all sources, for which the mean has
    a closed form; a recording from a concentric needle is core minus cannula.

    Parameters
    ----------
    x, y, z : float, default=0.0, 0.0, 15.0
        The tip (the middle of the recording surface), mm. ``z`` is the distance to the
        end-plate band.
    angle : float, default=0.0
        Direction of the shaft in the cross-section, radians.
    core_length : float, default=0.0
        Extent of the recording surface along the shaft, mm; 0 for a point.
    core_radius : float, default=0.25
        Its extent across, which bounds the potential of the nearest fibre, mm.
    cannula_length : float, default=0.0
        Length of the cannula subtracted, mm; 0 for a distant reference.
    cannula_radius : float, default=0.23
        Radius of the cannula, mm.
    shield : float, default=0.0
        Thickness of the needle behind the recording surface, mm: fibres on that side are at least
        this far away, since the needle has pushed them aside. 0 for a surface open on all sides.

    See Also
    --------
    monopolar, concentric

    References
    ----------
    Nandedkar SD, Sanders DB, Stålberg EV, Andreassen S. Simulation of concentric needle EMG motor
    unit action potentials. Muscle Nerve 1988;11:151-159.

    Examples
    --------
    >>> from sknemg.simulate import concentric
    >>> needle = concentric(z=10.0)
    >>> needle.moved(dz=5.0).z
    15.0
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 15.0
    angle: float = 0.0
    core_length: float = 0.0
    core_radius: float = 0.25
    cannula_length: float = 0.0
    cannula_radius: float = 0.23
    shield: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y", "z", "angle"):
            check_number(name, getattr(self, name), -np.inf)
        for name in ("core_length", "core_radius", "cannula_length", "cannula_radius", "shield"):
            check_number(name, getattr(self, name), 0)

    def moved(self, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0) -> Self:
        """Return the needle with its tip displaced by millimetres."""
        return replace(self, x=self.x + dx, y=self.y + dy, z=self.z + dz)

    def distance(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.floating]:
        """Distance of fibres at ``x``, ``y`` (mm) to the tip across the muscle, mm."""
        return np.hypot(np.asarray(x) - self.x, np.asarray(y) - self.y)

    def reach(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.floating]:
        """Distance (mm) at which the tip alone would see fibres at ``x``, ``y`` as strongly.

        A fibre beside the cannula contributes to the signal even far from the tip: at 1 mm from
        the shaft it weighs no more than at 1.9 mm from the tip.
        """
        distance = self.distance(x, y)
        if not self.cannula_length:
            return distance
        along, across = self._turned(x, y)
        distance = np.hypot(along, self._before(across))
        outside = np.maximum(along - self.cannula_length, 0) - np.minimum(along, 0)
        return np.minimum(distance, 1.9 * np.sqrt(np.hypot(across, outside)))

    def _turned(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Positions relative to the tip, up the shaft and across it."""
        dx, dy = np.asarray(x) - self.x, np.asarray(y) - self.y
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return dx * cos + dy * sin, dy * cos - dx * sin

    def _before(self, across: NDArray[Any]) -> NDArray[Any]:
        """Distances across the shaft, with the needle itself between core and fibres behind it."""
        if not self.shield:
            return across
        return across - np.float32(self.shield) * (across < 0)

    def weight(self, x: NDArray[Any], y: NDArray[Any], axial: NDArray[Any]) -> NDArray[np.floating]:
        """Weight of a point source in this needle's signal, 1/mm.

        Parameters
        ----------
        x, y : ndarray
            Where the source lies across the muscle, mm.
        axial : ndarray, broadcastable to x and y
            Its distance from the tip along the fibres, mm.

        Returns
        -------
        ndarray
            1 / sqrt(K r² + z²) for a point electrode at transverse distance r and axial distance
            z, K = 15 being the ratio of conductivities; its mean over the core, minus that over
            the cannula, for the needle.

        Examples
        --------
        >>> import numpy as np
        >>> round(float(monopolar(radius=0.1).weight(np.array(0.0), 0.0, 0.0)), 2)
        2.55

        From a source far away the cannula takes up nearly as much as the core:

        >>> far = np.array(100.0)
        >>> ratio = concentric().weight(0.0, far, far) / monopolar().weight(0.0, far, far)
        >>> bool(abs(ratio) < 0.05)
        True
        """
        along, across = self._turned(x, y)
        half = self.core_length / 2
        before = self._before(across)
        taken = _mean_weight(along, before, axial, -half, half, self.core_radius)
        if self.cannula_length:
            start = half + self.cannula_radius
            end = start + self.cannula_length
            taken = taken - _mean_weight(along, across, axial, start, end, self.cannula_radius)
        return taken


def check_electrode(name: str, needle: Any) -> None:
    """Refuse anything but an electrode, such as the name of one.

    Parameters
    ----------
    name : str
        What the user calls it.
    needle : object
        What the user gave.

    Raises
    ------
    ValueError
        If it is not a :class:`Needle`.
    """
    if not isinstance(needle, Needle):
        raise ValueError(
            f"{name}={shown(needle)} must be a Needle: give monopolar() or concentric()."
        )


def monopolar(
    x: float = 0.0,
    y: float = 0.0,
    z: float = 15.0,
    *,
    radius: float = TIP_RADIUS,
    angle: float = 0.0,
) -> Needle:
    """Monopolar needle against a distant reference: a small sphere at the tip.

    Parameters
    ----------
    x, y, z : float, default=0.0, 0.0, 15.0
        The tip, mm.
    radius : float, default=0.2
        Radius of the bare tip, mm; a smaller one is sharper and more selective. With 0.2 (a
        choice), potentials are twice as large as with a concentric needle, as published (2.05
        times in tibialis anterior, recorded with both at once: scilit.com 840800ee).
    angle : float, default=0.0
        Direction of the shaft, radians; it has no effect on the signal.

    Returns
    -------
    Needle

    Examples
    --------
    >>> monopolar(z=12.0).cannula_length
    0.0
    """
    return Needle(x=x, y=y, z=z, angle=angle, core_radius=radius)


def concentric(
    x: float = 0.0, y: float = 0.0, z: float = 15.0, *, radius: float = NEAREST, angle: float = 0.0
) -> Needle:
    """Concentric needle: an elliptic core of 0.58 mm, minus the cannula as far as it is inserted.

    Along its long axis the ellipse acts like a line of sqrt(3) / 2 times its length (equal
    second moments). The core looks to one side: the fibres before it make the potential (Nandedkar
    et al. 1988), those behind it lie beyond the needle, 0.46 mm thick.

    Parameters
    ----------
    x, y, z : float, default=0.0, 0.0, 15.0
        The middle of the core, mm.
    radius : float, default=0.26
        How near a fibre can come, mm: half the width of the wire, 0.075, and 0.185 for tissue that
        the tip displaces and injures (a choice, made with N2001 in view).
    angle : float, default=0.0
        Direction from the tip up the shaft in the cross-section, radians.

    Returns
    -------
    Needle

    Examples
    --------
    >>> concentric().core_length
    0.5
    """
    return Needle(
        x=x,
        y=y,
        z=z,
        angle=angle,
        core_length=CORE_LENGTH,
        core_radius=radius,
        cannula_length=INSERTED,
        shield=THICKNESS,
    )


def _mean_weight(
    along: NDArray[Any],
    across: NDArray[Any],
    axial: NDArray[Any],
    start: float,
    end: float,
    radius: float,
) -> NDArray[np.floating]:
    """Mean of 1 / sqrt(K r² + z²) over a line from ``start`` to ``end`` up the shaft."""
    if start == end:
        return 1 / np.sqrt(ANISOTROPY * ((along - start) ** 2 + across**2 + radius**2) + axial**2)
    rho = np.sqrt(across**2 + radius**2 + axial**2 / ANISOTROPY)
    span = np.arcsinh((end - along) / rho) - np.arcsinh((start - along) / rho)
    return span / (np.sqrt(ANISOTROPY) * (end - start))
