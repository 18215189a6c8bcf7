"""The 3D scene shows every person, with equal axes."""

import numpy as np
import pytest

from rtmw_ext.output.draw3d import LEFT, MIDDLE, RIGHT, STYLE, draw_scene


def colored(scene, color):
    """(H, W) bool, the pixels of about a colour."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(scene.astype(int) - rgb).max(2) < 40


def test_scene_shows_every_person():
    rng = np.random.default_rng(0)
    people = rng.normal(0, 0.5, (3, 133, 3))
    people += [[(0, 0, 4)], [(1.5, 0, 4)], [(3, 0, 4)]]

    def drawn(scene):
        return sum(colored(scene, color).sum() for color in (LEFT, RIGHT))

    assert draw_scene(people, size=(800, 400)).shape == (400, 800, 3)
    assert drawn(draw_scene(people[:0])) == 0
    assert drawn(draw_scene(people[:1])) > 200
    seen = np.zeros((3, 133), bool)
    assert drawn(draw_scene(people, seen)) == 0
    seen[1, 5:17] = True
    assert drawn(draw_scene(people, seen)) > 50
    people[0] = np.nan
    assert drawn(draw_scene(people)) > 200


def test_colours_tell_left_from_right():
    colors = {link: color for link, color, _ in STYLE}
    for left, right in [
        ((5, 7), (6, 8)),
        ((13, 15), (14, 16)),
        ((0, 1), (0, 2)),
        ((15, 17), (16, 20)),
        ((91, 92), (112, 113)),
    ]:
        assert colors[left] == LEFT and colors[right] == RIGHT


def test_axes_are_equal():
    """A metre is as long to the right as it is upwards."""
    cross = np.full((1, 133, 3), np.nan)
    cross[0, 5:7] = (-0.9, 0, 4), (0.9, 0, 4)
    cross[0, 11:13] = (0, -0.9, 4), (0, 0.9, 4)
    scene = draw_scene(cross, size=(600, 600), views=(('front', 0, -90),))
    # Shoulders and hips are the links that join left and right.
    rows, columns = np.nonzero(colored(scene, MIDDLE))
    assert np.ptp(columns) == pytest.approx(np.ptp(rows), rel=0.03)
