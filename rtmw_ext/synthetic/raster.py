"""A small triangle rasteriser with a depth buffer, compiled by Numba.

Shapes: V vertices, F triangles, images of H rows and W columns, M materials.
Vertices are in camera axes (x right, y down, z away, metres); (u, v) pixels
have whole numbers at pixel centres.
"""

import numpy as np
from numba import njit

NEAR = 0.05
# Columns of a material: two colours, the pattern that mixes them and its
# direction and frequency (per metre at rest), grain, gloss and folds.
COLOR, OTHER, PATTERN, AXIS, PERIOD, GRAIN, GRAIN_SIZE, GLOSS, KIND = (
    0,
    3,
    6,
    7,
    10,
    11,
    12,
    13,
    14,
)
MATERIAL_SIZE = 15
PLAIN, STRIPES, CHECKS, DOTS, CLOUDS = range(5)
MATTE, SKIN, EYE, FACE, HAIR = range(5)


@njit(cache=True)
def project(vertices: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(V, 3) float32 of u, v and 1/z; 1/z is 0 behind the near plane."""
    out = np.empty(vertices.shape, np.float32)
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        if z < NEAR:
            out[i, 0] = out[i, 1] = out[i, 2] = 0
            continue
        w = 1 / z
        out[i, 0] = (camera[0, 0] * x + camera[0, 1] * y) * w + camera[0, 2]
        out[i, 1] = camera[1, 1] * y * w + camera[1, 2]
        out[i, 2] = w
    return out


@njit(cache=True)
def bounds(points: np.ndarray) -> np.ndarray:
    """(2, N) least and greatest of (V, N)."""
    out = np.empty((2, points.shape[1]))
    out[0], out[1] = points[0], points[0]
    for i in range(1, len(points)):
        for n in range(points.shape[1]):
            out[0, n] = min(out[0, n], points[i, n])
            out[1, n] = max(out[1, n], points[i, n])
    return out


@njit(cache=True)
def rasterise(
    points: np.ndarray,
    faces: np.ndarray,
    hidden: np.ndarray,
    base: int,
    inverse_depth: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Draws triangles that face the camera into the depth buffer.

    Args:
        points: (V, 3) of :func:`project`.
        faces: (F, 3) int32, anticlockwise from outside.
        hidden: (F,) bool, triangles to leave out.
        base: Added to the index of a triangle in ``ids``.
        inverse_depth: (H, W) float32, 1/z; changed in place.
        ids: (H, W) int32 triangles, -1 for none; changed in place.
    """
    height, width = ids.shape
    for f in range(len(faces)):
        if hidden[f]:
            continue
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        wa, wb, wc = points[i, 2], points[j, 2], points[k, 2]
        if wa == 0 or wb == 0 or wc == 0:
            continue
        ax, ay = points[i, 0], points[i, 1]
        bx, by = points[j, 0], points[j, 1]
        cx, cy = points[k, 0], points[k, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= -1e-9:  # y is down: faces to the camera are negative
            continue
        left = int(np.ceil(max(min(ax, bx, cx), 0)))
        right = int(np.floor(min(max(ax, bx, cx), width - 1)))
        top = int(np.ceil(max(min(ay, by, cy), 0)))
        bottom = int(np.floor(min(max(ay, by, cy), height - 1)))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                a = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                b = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                c = 1 - a - b
                if a >= -1e-6 and b >= -1e-6 and c >= -1e-6:
                    w = a * wa + b * wb + c * wc
                    if w > inverse_depth[y, x]:
                        inverse_depth[y, x] = w
                        ids[y, x] = base + f


def sun_view(direction: np.ndarray, vertices: np.ndarray, size: int) -> np.ndarray:
    """(3, 4) float32: space -> u, v and nearness in a light's view.

    Args:
        direction: (3,) to the light.
        vertices: (V, 3) that the square view shall hold.
        size: Of the view in pixels.
    """
    away = -np.asarray(direction, float)
    right = np.cross(away, (0, 1, 0) if abs(away[1]) < 0.9 else (1, 0, 0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(away, right), -away])
    low, high = bounds(vertices @ axes.T.astype(np.float32))
    scale = (size - 3) / max((high - low)[:2].max(), 1e-3)
    view = np.empty((3, 4), np.float32)
    view[:2, :3] = axes[:2] * scale
    view[:2, 3] = 1 - low[:2] * scale
    view[2, :3] = axes[2]
    view[2, 3] = 1 - low[2]
    return view


@njit(cache=True)
def lit(sun, shadow, x, y, z):
    """Share of the first light that reaches a place, from 0 to 1."""
    u = sun[0, 0] * x + sun[0, 1] * y + sun[0, 2] * z + sun[0, 3]
    v = sun[1, 0] * x + sun[1, 1] * y + sun[1, 2] * z + sun[1, 3]
    near = sun[2, 0] * x + sun[2, 1] * y + sun[2, 2] * z + sun[2, 3]
    i, j = int(np.floor(v)), int(np.floor(u))
    if i < 0 or j < 0 or i + 1 >= len(shadow) or j + 1 >= len(shadow):
        return 1.0
    fv, fu = v - i, u - j
    total = 0.0
    for a in range(2):
        for b in range(2):
            weight = (fv if a else 1 - fv) * (fu if b else 1 - fu)
            if shadow[i + a, j + b] < near + 0.012:
                total += weight
    return total


@njit(cache=True)
def _hash(x, y, z):
    """A number in [0, 1) of a lattice point."""
    h = (x * 374761393 + y * 668265263 + z * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65536.0


@njit(cache=True, fastmath=True)
def noise(x: float, y: float, z: float) -> float:
    """Smooth value noise in [0, 1]."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - i, y - j, z - k
    fx, fy, fz = (
        fx * fx * (3 - 2 * fx),
        fy * fy * (3 - 2 * fy),
        fz * fz * (3 - 2 * fz),
    )
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (
                    (fx if a else 1 - fx)
                    * (fy if b else 1 - fy)
                    * (fz if c else 1 - fz)
                )
                total += weight * _hash(i + a, j + b, k + c)
    return total


@njit(cache=True)
def _mix(material, x, y, z):
    """Share of the second colour at a place of the rest pose."""
    kind = int(material[PATTERN])
    if kind == PLAIN:
        return 0.0
    step = 1 / material[PERIOD]
    along = (
        material[AXIS] * x + material[AXIS + 1] * y + material[AXIS + 2] * z
    ) * step
    if kind == STRIPES:
        return 1.0 if along - np.floor(along) < 0.4 else 0.0
    if kind == CLOUDS:
        value = (
            noise(x * step + 7, y * step, z * step) * 0.65
            + noise(x * step * 2.3, y * step * 2.3 + 5, z * step * 2.3) * 0.35
        )
        return min(max((value - 0.42) * 6, 0.0), 1.0)
    across = (x + 0.31 * y) * step
    p, q = along - np.floor(along), across - np.floor(across)
    if kind == CHECKS:
        return (0.5 if p < 0.35 else 0.0) + (0.5 if q < 0.35 else 0.0)
    return 1.0 if (p - 0.5) ** 2 + (q - 0.5) ** 2 < 0.06 else 0.0


@njit(cache=True)
def _segment_distance(x, z, line):
    """Distance in the x-z plane to a polyline (N, 2)."""
    best = 1e9
    for i in range(len(line) - 1):
        ax, az = line[i, 0], line[i, 1]
        dx, dz = line[i + 1, 0] - ax, line[i + 1, 1] - az
        t = ((x - ax) * dx + (z - az) * dz) / (dx * dx + dz * dz + 1e-12)
        t = min(max(t, 0.0), 1.0)
        d = (x - ax - t * dx) ** 2 + (z - az - t * dz) ** 2
        if d < best:
            best = d
    return np.sqrt(best)


@njit(cache=True, fastmath=True)
def shade(
    ids: np.ndarray,
    base: np.ndarray,
    points: np.ndarray,
    faces: np.ndarray,
    normals: np.ndarray,
    vertices: np.ndarray,
    rest: np.ndarray,
    kinds: np.ndarray,
    layers: np.ndarray,
    layer_kinds: np.ndarray,
    materials: np.ndarray,
    paint: np.ndarray,
    brows: np.ndarray,
    eyes: np.ndarray,
    brow_look: np.ndarray,
    eye_look: np.ndarray,
    lights: np.ndarray,
    ambient: np.ndarray,
    sun: np.ndarray,
    shadow: np.ndarray,
    window: tuple,
    number: int,
    owner: np.ndarray,
    out: np.ndarray,
) -> None:
    """Colours the pixels of one mesh.

    Args:
        ids: (H, W) of :func:`rasterise`; only ``base`` to
            ``base`` + F are coloured.
        points: As there.
        faces: As there.
        normals: (V, 3) in camera axes.
        vertices: (V, 3) in camera axes.
        rest: (V, 3) where the patterns are fixed.
        kinds: (F,) uint8, a row of ``materials``.
        layers: (V, L) float32, what is worn over that, where it is
            positive; the last one wins.  Eyes and mouths stay as they are.
        layer_kinds: (L,) uint8, rows of ``materials``.
        materials: (M, MATERIAL_SIZE) float32.
        paint: (V, 4) float32: shares of lips, beard, blush and
            shade on the skin.
        brows: (2, 5, 2) brow lines, x and z at rest.
        eyes: (2, 3) middles of the eye balls at rest.
        brow_look: (10,) half width, density, colour (3), lip
            colour (3), beard density, blush.
        eye_look: (8,) iris radius, pupil radius, iris colour (3),
            white (3).
        lights: (L, 6) direction to the light and colour.
        ambient: (2, 3) colour from below and from above.
        sun: (3, 4) of :func:`sun_view`.
        shadow: (S, S) float32, how near to the first light.
        window: x1, y1, x2, y2 to look at.
        number: Goes to ``owner`` (H, W), changed in place.
        out: (H, W, 3) float32, changed in place.
    """
    count = len(faces)
    color = np.empty(3)
    for y in range(window[1], window[3]):
        for x in range(window[0], window[2]):
            f = ids[y, x] - base
            if f < 0 or f >= count:
                continue
            owner[y, x] = number
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            ax, ay = points[i, 0], points[i, 1]
            bx, by = points[j, 0], points[j, 1]
            cx, cy = points[k, 0], points[k, 1]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            a = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
            b = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
            # Perspective: weights over depth.
            a *= points[i, 2]
            b *= points[j, 2]
            c = points[k, 2] * (1 - a / points[i, 2] - b / points[j, 2])
            total = a + b + c
            a /= total
            b /= total
            c /= total
            px = a * rest[i, 0] + b * rest[j, 0] + c * rest[k, 0]
            py = a * rest[i, 1] + b * rest[j, 1] + c * rest[k, 1]
            pz = a * rest[i, 2] + b * rest[j, 2] + c * rest[k, 2]
            row = kinds[f]
            if (
                materials[row, KIND] == SKIN
                or materials[row, KIND] == FACE
                or layers.shape[1] == 0
            ):
                for n in range(layers.shape[1]):
                    value = a * layers[i, n] + b * layers[j, n] + c * layers[k, n]
                    if -0.02 < value < 0.02 and materials[layer_kinds[n], KIND] == HAIR:
                        # Strands end unevenly.
                        value += 0.012 * (noise(px * 500, py * 500, pz * 120) - 0.5)
                    if value > 0:
                        row = layer_kinds[n]
            m = materials[row]
            share = _mix(m, px, py, pz)
            grain = 1.0
            if m[GRAIN] > 0:
                s = 1 / m[GRAIN_SIZE]
                grain += m[GRAIN] * (
                    noise(px * s, py * s, pz * s)
                    - 0.5
                    + 0.5 * noise(px * 3 * s, py * 3 * s + 9, pz * 3 * s)
                    - 0.25
                )
            for n in range(3):
                color[n] = grain * ((1 - share) * m[COLOR + n] + share * m[OTHER + n])
            kind = int(m[KIND])
            gloss = m[GLOSS]
            if kind == EYE:
                side = 0 if px > 0 else 1
                ex, ey, ez = (
                    px - eyes[side, 0],
                    py - eyes[side, 1],
                    pz - eyes[side, 2],
                )
                r = np.sqrt(ex * ex + ez * ez)
                if ey > 0:
                    r = 1.0
                for n in range(3):
                    color[n] = eye_look[5 + n]
                    if r < eye_look[1]:
                        color[n] = 0.02
                    elif r < eye_look[0]:
                        edge = r / eye_look[0]
                        color[n] = eye_look[2 + n] * (0.5 if edge > 0.85 else 1.0)
            elif kind == FACE:
                lips = a * paint[i, 0] + b * paint[j, 0] + c * paint[k, 0]
                beard = a * paint[i, 1] + b * paint[j, 1] + c * paint[k, 1]
                blush = a * paint[i, 2] + b * paint[j, 2] + c * paint[k, 2]
                dark = a * paint[i, 3] + b * paint[j, 3] + c * paint[k, 3]
                beard = min(beard * brow_look[8], 1.0)
                blush *= brow_look[9]
                d = min(
                    _segment_distance(px, pz, brows[0]),
                    _segment_distance(px, pz, brows[1]),
                )
                brow = min(max((brow_look[0] - d) / (0.4 * brow_look[0]), 0.0), 1.0)
                if py > 0:
                    brow = 0.0
                s = 700.0
                brow *= brow_look[1] * (0.7 + 0.5 * noise(px * s, py * s, pz * s))
                brow = min(brow, 1.0)
                for n in range(3):
                    v = color[n] * (1 - dark)
                    if n > 0:
                        v *= 1 - 0.35 * blush
                    v = v * (1 - beard) + beard * brow_look[2 + n]
                    v = v * (1 - lips) + lips * brow_look[5 + n]
                    color[n] = v * (1 - brow) + brow * brow_look[2 + n]
                gloss *= 1 - 0.8 * max(beard, brow)
            nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
            ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
            nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
            vx = a * vertices[i, 0] + b * vertices[j, 0] + c * vertices[k, 0]
            vy = a * vertices[i, 1] + b * vertices[j, 1] + c * vertices[k, 1]
            vz = a * vertices[i, 2] + b * vertices[j, 2] + c * vertices[k, 2]
            norm = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / norm, ny / norm, nz / norm
            reached = lit(sun, shadow, vx + 0.01 * nx, vy + 0.01 * ny, vz + 0.01 * nz)
            norm = np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx / norm, vy / norm, vz / norm
            up = 0.5 - 0.5 * ny
            facing = -(nx * vx + ny * vy + nz * vz)
            for n in range(3):
                light = ambient[0, n] * (1 - up) + ambient[1, n] * up
                # Creases are darker than open skin.
                light *= 0.55 + 0.45 * min(max(facing, 0.0), 1.0)
                shine = 0.0
                for q in range(len(lights)):
                    lx, ly, lz = lights[q, 0], lights[q, 1], lights[q, 2]
                    d = nx * lx + ny * ly + nz * lz
                    if kind == SKIN or kind == FACE:  # soft edge of shadow
                        d = (d + 0.25) / 1.25
                    open_sky = reached if q == 0 else 1.0
                    if d > 0:
                        light += open_sky * d * lights[q, 3 + n]
                    if gloss > 0 and open_sky > 0:
                        hx, hy, hz = lx - vx, ly - vy, lz - vz
                        h = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                        d = (nx * hx + ny * hy + nz * hz) / h
                        if d > 0:
                            d *= d
                            d *= d
                            d *= d
                            shine += open_sky * gloss * lights[q, 3 + n] * d * d * d
                out[y, x, n] = color[n] * light + shine
