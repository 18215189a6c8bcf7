"""People in 3D for a page, to turn with the mouse.

Shapes: N persons, K keypoints; points are x right, y down, z away in metres.
"""

import numpy as np
import plotly.graph_objects as go

from ..core.people import MIN_SCORE, People
from ..output.style import STYLE, rgb

#: Metres between the lines of the grid.
STEP = 0.5


def scene_figure(people: People, threshold: float = MIN_SCORE) -> go.Figure:
    """The people on a grid of metres, seen from the camera.

    Args:
        people: With 3D.
        threshold: Points with a lower score are left out.
    """
    figure = go.Figure()
    points = people.keypoints_3d_cam
    if points is None:
        return figure
    # Up is z here, and away is y.
    points = points[..., [0, 2, 1]] * (1, 1, -1)
    seen = people.scores >= threshold
    for color in dict.fromkeys(row.color for row in STYLE):
        ends = []
        for row in STYLE:
            if row.color != color:
                continue
            start, stop = row.link
            for number in np.flatnonzero(seen[:, start] & seen[:, stop]):
                ends += [points[number, start], points[number, stop], [None] * 3]
        if ends:
            x, y, z = zip(*ends)
            figure.add_scatter3d(
                x=x,
                y=y,
                z=z,
                mode='lines',
                line=dict(color=f'rgb{rgb(color)}', width=5),
                hoverinfo='skip',
                showlegend=False,
            )
    axis = dict(dtick=STEP, showticklabels=False)
    figure.update_layout(
        scene=dict(
            aspectmode='data',
            xaxis=dict(title='right', **axis),
            yaxis=dict(title='away', **axis),
            zaxis=dict(title='up', **axis),
            camera=dict(eye=dict(x=0.4, y=-2.0, z=0.5)),
        ),
        margin=dict(l=0, r=0, t=0, b=0),
        height=520,
    )
    return figure
