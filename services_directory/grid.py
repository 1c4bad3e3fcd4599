"""From the British National Grid to latitude and longitude, without a table and without a network.

Eastings and northings (OSGB36, Airy 1830, transverse Mercator) are turned into degrees on the Airy ellipsoid, those into
coordinates from the earth's centre, these moved by the seven parameters of the Helmert transformation that Ordnance Survey
publishes, and back into degrees on WGS84. It is right to about five metres, which is a house or two.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AIRY = (6_377_563.396, 6_356_256.909)
WGS84 = (6_378_137.0, 6_356_752.3142)
# The grid's true origin, its scale on the central meridian, and what is added to keep numbers positive.
ORIGIN_LATITUDE, ORIGIN_LONGITUDE = np.radians(49.0), np.radians(-2.0)
SCALE, FALSE_EAST, FALSE_NORTH = 0.9996012717, 400_000.0, -100_000.0
# OSGB36 to WGS84: metres, parts of one, seconds of arc.
SHIFT = (446.448, -125.157, 542.060)
GROWTH = -20.4894e-6
TURN = tuple(float(np.radians(seconds / 3600)) for seconds in (0.1502, 0.2470, 0.8421))


def _meridian(latitude: Floats) -> Floats:
    """Return the length in metres along the central meridian from the true origin."""
    a, b = AIRY
    n = (a - b) / (a + b)
    less, more = latitude - ORIGIN_LATITUDE, latitude + ORIGIN_LATITUDE
    length = (1 + n + 1.25 * n**2 + 1.25 * n**3) * less
    length -= (3 * n + 3 * n**2 + 21 / 8 * n**3) * np.sin(less) * np.cos(more)
    length += (15 / 8 * (n**2 + n**3)) * np.sin(2 * less) * np.cos(2 * more)
    length -= 35 / 24 * n**3 * np.sin(3 * less) * np.cos(3 * more)
    return np.asarray(b * SCALE * length)


def from_grid(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Return latitude and longitude on the Airy ellipsoid (OSGB36), in radians, of metres east and north on the grid."""
    a, b = AIRY
    e2 = 1 - (b / a) ** 2
    latitude = (north - FALSE_NORTH) / (a * SCALE) + ORIGIN_LATITUDE
    for _ in range(12):
        latitude = latitude + (north - FALSE_NORTH - _meridian(latitude)) / (a * SCALE)
    sine2 = np.sin(latitude) ** 2
    nu = a * SCALE / np.sqrt(1 - e2 * sine2)
    rho = a * SCALE * (1 - e2) / (1 - e2 * sine2) ** 1.5
    eta2 = nu / rho - 1
    tan, sec = np.tan(latitude), 1 / np.cos(latitude)
    de = east - FALSE_EAST
    t2, t4, t6 = tan**2, tan**4, tan**6
    found = latitude - tan / (2 * rho * nu) * de**2
    found += tan / (24 * rho * nu**3) * (5 + 3 * t2 + eta2 - 9 * t2 * eta2) * de**4
    found -= tan / (720 * rho * nu**5) * (61 + 90 * t2 + 45 * t4) * de**6
    longitude = ORIGIN_LONGITUDE + sec / nu * de
    longitude -= sec / (6 * nu**3) * (nu / rho + 2 * t2) * de**3
    longitude += sec / (120 * nu**5) * (5 + 28 * t2 + 24 * t4) * de**5
    longitude -= sec / (5040 * nu**7) * (61 + 662 * t2 + 1320 * t4 + 720 * t6) * de**7
    return found, longitude


def to_wgs84(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Return latitude and longitude in degrees (WGS84, as telephones have it) of metres east and north on the grid."""
    latitude, longitude = from_grid(np.asarray(east, dtype=float), np.asarray(north, dtype=float))
    a, b = AIRY
    e2 = 1 - (b / a) ** 2
    nu = a / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
    x = nu * np.cos(latitude) * np.cos(longitude)
    y = nu * np.cos(latitude) * np.sin(longitude)
    z = (1 - e2) * nu * np.sin(latitude)
    rx, ry, rz = TURN
    s = 1 + GROWTH
    moved = (SHIFT[0] + s * x - rz * y + ry * z, SHIFT[1] + rz * x + s * y - rx * z, SHIFT[2] - ry * x + rx * y + s * z)
    return _to_degrees(*moved)


def _to_degrees(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats]:
    a, b = WGS84
    e2 = 1 - (b / a) ** 2
    flat = np.hypot(x, y)
    latitude = np.arctan2(z, flat * (1 - e2))
    for _ in range(6):
        nu = a / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + e2 * nu * np.sin(latitude), flat)
    return np.degrees(latitude), np.degrees(np.arctan2(y, x))
