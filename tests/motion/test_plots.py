"""Plots of a person over time."""

import io

import numpy as np
import pytest
from PIL import Image

from rtmw_ext.core.skeleton import KEYPOINT_NAMES
from rtmw_ext.motion import MotionError
from rtmw_ext.motion.files import plots
from rtmw_ext.output.style import LEFT, RIGHT
from support.motion import motion_of, moving_animation, points_of, track_of

TIMES = np.arange(30) / 30


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    drawn = []
    library = plots.library

    def spy(name):
        module = library(name)
        if name != 'matplotlib.figure':
            return module

        class Namespace:
            @staticmethod
            def Figure(**kwargs):
                drawn.append(module.Figure(**kwargs))
                return drawn[-1]

        return Namespace

    monkeypatch.setattr(plots, 'library', spy)
    return drawn


def make_motion(points, world=True):
    track = track_of(1, points, range(len(points)), TIMES[: len(points)], world)
    return motion_of(track, times=TIMES[: len(points)])


def panel(figure, text):
    (axes,) = [item for item in figure.axes if text in item.get_ylabel()]
    return axes


def test_curves_are_those_of_the_track(figures):
    points = points_of(moving_animation(0, TIMES))
    points[9:12, KEYPOINT_NAMES.index('left_knee')] = np.nan
    # The left foot stands.
    foot = [
        KEYPOINT_NAMES.index(f'left_{part}')
        for part in ('heel', 'big_toe', 'small_toe')
    ]
    points[:, foot] = points[:1, foot]
    motion = make_motion(points)
    picture = Image.open(io.BytesIO(plots.encode_plots(motion)))
    assert picture.width == plots.WIDTH * plots.DPI and picture.format == 'PNG'
    (figure,) = figures
    assert 'person 1' in figure.get_suptitle()
    assert len([axes for axes in figure.axes if axes.get_visible()]) == 8
    angles, speeds = motion.tracks[0].angles(), motion.tracks[0].speeds()
    axes = panel(figure, 'knee flexion')
    lines = {line.get_label(): line for line in axes.lines}
    for side, color in (('left', LEFT), ('right', RIGHT)):
        values = lines[side].get_ydata()
        np.testing.assert_array_equal(values, angles[f'{side}_knee_flexion'])
        assert lines[side].get_color() == color
    hips = [line for line in panel(figure, 'speed').lines if line.get_label() == 'hips']
    np.testing.assert_array_equal(hips[0].get_ydata(), speeds['hips'])
    wide = [
        np.isfinite(line.get_ydata()).mean()
        for line in panel(figure, 'height of feet').lines
        if line.get_linewidth() == plots.STAND
    ]
    assert wide[0] > 0.9 and wide[1] < 0.5


def test_legends_cover_no_curve(figures):
    plots.encode_plots(make_motion(points_of(moving_animation(0, TIMES))))
    (figure,) = figures
    figure.canvas.draw()
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert len(legends) == 2
    for legend in legends:
        box = legend.get_window_extent()
        for axes in figure.axes:
            assert not box.overlaps(axes.get_window_extent().padded(-1))
        assert not box.overlaps(figure._suptitle.get_window_extent())


def test_2d_has_angles_in_the_image_plane(figures):
    motion = make_motion(points_of(moving_animation(0, TIMES)), world=False)
    motion.tracks[0].keypoints_3d_cam = None
    plots.encode_plots(motion)
    (figure,) = figures
    assert 'image plane' in figure.get_suptitle()
    assert 'pixels' in panel(figure, 'speed').get_ylabel()
    curve = panel(figure, 'knee flexion').lines[0].get_ydata()
    angles = motion.tracks[0].angles()
    np.testing.assert_array_equal(curve, angles['left_knee_flexion_2d'])
    assert not [axes for axes in figure.axes if 'height' in axes.get_ylabel()]
    motion.tracks[0] = track_of(1, np.ones((3, 5, 3)), range(3), TIMES[:3])
    with pytest.raises(MotionError, match='need the points of COCO'):
        plots.encode_plots(motion)
