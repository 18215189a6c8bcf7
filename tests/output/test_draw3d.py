"""The 3D scene shows every person, with equal axes."""

import re

import numpy as np
import pytest

from rtmw_ext.output import draw3d
from rtmw_ext.output.draw3d import add_scene, draw_scene
from rtmw_ext.output.style import LEFT, MIDDLE, RIGHT, rgb


def colored(scene, color):
    """(H, W) bool, the pixels of about a colour."""
    return np.abs(scene.astype(int) - rgb(color)).max(2) < 40


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


def standing(x=0.0, z=4.0):
    """One person whose left arm and right leg are shown."""
    person = np.full((1, 133, 3), np.nan)
    person[0, [5, 7]] = (x, -1.0, z), (x + 0.5, -1.0, z)
    person[0, [12, 14]] = (x, 0.0, z), (x, 0.5, z)
    return person


def columns(scene, color):
    return np.flatnonzero(colored(scene, color).any(0))


def test_views_are_from_the_front_and_from_the_left():
    scene = draw_scene(standing(), size=(1000, 500))
    front, side = scene[:, :500], scene[:, 500:]
    # The camera sees x to the right and up upwards.
    assert columns(front, LEFT).mean() > columns(front, RIGHT).mean() + 20
    for view in (front, side):
        rows = [np.nonzero(colored(view, color))[0].mean() for color in (LEFT, RIGHT)]
        assert rows[0] < rows[1] - 50


@pytest.mark.parametrize('order', [slice(None), slice(None, None, -1)])
def test_near_hides_far(order):
    """Of two upright arms on a line of sight, whatever their order."""
    people = np.full((2, 133, 3), np.nan)
    people[0, [5, 7]] = (0, -0.5, 3), (0, 0.5, 3)
    people[1, [6, 8]] = (0, -1, 6), (0, 1, 6)
    view = (('front', 0, -90),)
    scene = draw_scene(people[order], size=(401, 400), views=view)
    near, far = (
        np.flatnonzero(colored(scene, color)[:, 200]) for color in (LEFT, RIGHT)
    )
    assert len(near) > 60 and len(far) > 10
    assert not ((far > near.min()) & (far < near.max())).any()


@pytest.mark.parametrize('far', [1e3, 9e3, 1e30, np.inf])
def test_a_point_far_away(far):
    """The grid has few lines; what cannot be drawn is left out."""
    people = standing()
    people[0, 9] = (far, 0, far)
    with np.errstate(all='raise'):
        scene = draw_scene(people, size=(300, 200))
    assert scene.shape == (200, 300, 3) and (scene < 255).any()


def test_the_scene_is_as_high_as_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (600, 400, 3), np.uint8)
    both = add_scene(picture, standing())
    assert both.shape == (600, 400 + 900, 3)
    assert np.array_equal(both[:, :400], picture)
    assert add_scene(picture[:120], standing()[:0]).shape[0] == 480


def test_numbers_of_a_deep_scene_lie_apart(monkeypatch):
    """People from 3 to 20 m away: the numbers of far metres are close together."""
    written = []

    def write(picture, text, place, color, size):
        written.append((text, *place, len(text) * 0.6 * size, size, id(picture)))

    monkeypatch.setattr(draw3d, 'draw_text', write)
    draw_scene(np.concatenate([standing(0, 3.0), standing(2, 20.0)]), size=(900, 450))
    numbers = [row for row in written if re.fullmatch('-?[0-9.]+', row[0])]
    assert len(numbers) > 10
    for row, (_, x, y, width, size, view) in enumerate(numbers):
        for _, other_x, other_y, other_width, _, other_view in numbers[:row]:
            beside = x + width <= other_x or other_x + other_width <= x
            assert beside or abs(y - other_y) >= size or view != other_view


def test_axes_are_equal():
    """A metre is as long to the right as it is upwards."""
    cross = np.full((2, 133, 3), np.nan)
    cross[0, 5:7] = (-0.9, 0, 4), (0.9, 0, 4)
    cross[1, 11:13] = (0, -0.9, 4), (0, 0.9, 4)
    scene = draw_scene(cross, size=(600, 600), views=(('front', 0, -90),))
    # Shoulders and hips are the links that join left and right.
    rows, columns = np.nonzero(colored(scene, MIDDLE))
    assert np.ptp(columns) == pytest.approx(np.ptp(rows), rel=0.03)
