"""Pictures of a person over time."""

import io
from typing import Any

import numpy as np

from ...output.style import LEFT, MIDDLE, RIGHT
from ..angles import FLAT, SIDES
from ..report import contacts
from ..track import Motion, MotionError, Track
from .base import library, only_track, register

#: Angles that are drawn, and what they are called.
ANGLES = {
    'hip_flexion': 'hip flexion',
    'knee_flexion': 'knee flexion',
    'ankle_dorsiflexion': 'ankle dorsiflexion',
    'shoulder_flexion': 'shoulder flexion',
    'elbow_flexion': 'elbow flexion',
    'trunk_tilt': 'trunk tilt',
}
COLORS = {'left': LEFT, 'right': RIGHT, '': MIDDLE}
COLUMNS = 2
#: Inches of a row and of its width; dots an inch.
ROW, WIDTH, DPI = 1.7, 10.0, 85
#: Of lines, and where a foot stands, in points.
LINE, STAND = 1.2, 4.0


@register(
    'plots',
    '.png',
    'curves of angles, heights of feet and speeds, a picture a person',
    is_3d=False,
    libraries=('matplotlib.figure', 'matplotlib.backends.backend_agg'),
)
def encode_plots(motion: Motion) -> bytes:
    """A PNG file of a person: angles of the left and the right side, in the world the
    heights of the feet with where they stand, and speeds.

    Raises:
        MotionError: The points are no body.
    """
    figure_type = library('matplotlib.figure').Figure
    canvas_type = library('matplotlib.backends.backend_agg').FigureCanvasAgg
    track = only_track(motion)
    angles, speeds = track.angles(), track.speeds()
    if not angles:
        raise MotionError('plots need the points of COCO: give people of such a model')
    flat = track.keypoints_3d_cam is None
    count = len(ANGLES) + 1 + (track.world is not None)
    rows = -(-count // COLUMNS)
    figure = figure_type(figsize=(WIDTH, ROW * rows), dpi=DPI, layout='constrained')
    panels = iter(figure.subplots(rows, COLUMNS, sharex=True, squeeze=False).flat)
    for name, title in ANGLES.items():
        axes = next(panels)
        for side in (*SIDES, ''):
            key = f'{side}_{name}'.strip('_') + (FLAT if flat else '')
            if key in angles:
                _draw(axes, track, angles[key], side)
        axes.set_ylabel(f'{title}\n(degrees)', fontsize=9)
        axes.axhline(0, color='0.85', linewidth=0.8, zorder=0)
    if track.world is not None:
        _draw_feet(next(panels), track, motion)
    axes = next(panels)
    for side in SIDES:
        _draw(axes, track, speeds[f'{side}_wrist'], side, f'{side} wrist')
    _draw(axes, track, speeds['hips'], '', 'hips')
    axes.set_ylabel(f'speed\n({"pixels" if flat else "m"} a second)', fontsize=9)
    _name_lines(axes)
    for axes in figure.axes:
        axes.tick_params(labelsize=8)
        axes.margins(x=0.01)
        axes.spines[['top', 'right']].set_visible(False)
        if axes.get_subplotspec().is_last_row():
            axes.set_xlabel('seconds', fontsize=9)
    for axes in panels:
        axes.set_visible(False)
    _name_lines(figure.axes[0])
    title = ', in the image plane' if flat else ''
    figure.suptitle(f'{motion.source}, person {track.id}{title}', fontsize=10)
    file = io.BytesIO()
    # The same bytes for the same points.
    canvas_type(figure).print_png(file, metadata={'Software': None})
    return file.getvalue()


def _draw(
    axes: Any, track: Track, values: np.ndarray, side: str, label: str = ''
) -> None:
    """A curve in the colour of its side."""
    axes.plot(
        track.times,
        values,
        color=COLORS[side],
        linewidth=LINE,
        label=label or side or None,
    )


def _name_lines(axes: Any) -> None:
    """A legend above the panel, where there are no curves."""
    axes.legend(
        fontsize=8,
        frameon=False,
        ncols=3,
        loc='lower left',
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
    )


def _draw_feet(axes: Any, track: Track, motion: Motion) -> None:
    """Heights of the lowest points of feet; where a foot stands, its line is wide."""
    assert track.world is not None and motion.camera is not None
    for side, (points, stands) in zip(SIDES, contacts(track, motion.camera)):
        heights = track.world[:, points, 1]
        seen = np.isfinite(heights).any(1)
        lowest = np.full(len(track), np.nan)
        lowest[seen] = np.nanmin(heights[seen], 1)
        _draw(axes, track, lowest, side)
        lowest[~stands.any(1)] = np.nan
        axes.plot(
            track.times,
            lowest,
            color=COLORS[side],
            linewidth=STAND,
            alpha=0.5,
            solid_capstyle='butt',
        )
    axes.set_ylabel('height of feet\n(m; wide: stands)', fontsize=9)
