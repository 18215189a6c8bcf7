"""The folder of outputs: names, pictures, videos."""

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.core.people import People
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.folder import OutputError, OutputFolder
from rtmw_ext.output.video_writer import VideoWriter


def person(ids=None):
    """One person, whose points lie on a line that goes far out of the image."""
    points = np.zeros((1, 133, 2), np.float32)
    points[0, :, 0] = np.linspace(10, 90, 133)
    points[0, :, 1] = 30
    points[0, 16] = 1e9
    boxes = np.float32([[5, 5, 95, 55]])
    return People(points, np.ones((1, 133), np.float32), boxes, np.ones(1), ids=ids)


def test_names_of_equal_stems(tmp_path):
    outputs = OutputFolder(tmp_path)
    assert [outputs.unique_name(source) for source in ('a/x.jpg', 'b/x.png', 0)] == [
        'x',
        'x_2',
        'webcam0',
    ]


def test_an_unwritable_folder(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OutputError, match='sub cannot be made .*another --out'):
        OutputFolder(tmp_path / 'file' / 'sub')


def test_pictures(tmp_path):
    outputs = OutputFolder(tmp_path, (), picture='png')
    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    outputs.write_picture('x', image)
    assert np.array_equal(cv2.imread(str(tmp_path / 'x.png')), image)
    (tmp_path / 'y.png').mkdir()
    with pytest.raises(OutputError, match='y.png cannot be written'):
        outputs.write_picture('y', image)


def test_threshold_and_boxes(tmp_path):
    black = np.zeros((60, 100, 3), np.uint8)
    drawn = OutputFolder(tmp_path, ()).draw(black, person())
    assert not black.any() and drawn[28:33].any() and not drawn[:25].any()
    hidden = OutputFolder(tmp_path, (), threshold=1.1).draw(black, person())
    assert not hidden.any()
    boxed = OutputFolder(tmp_path, (), boxes=True).draw(black, person())
    assert boxed[5, 50].any()
    # The id stands in the box.
    named = draw_people(black, person(np.array([7])), boxes=True)
    assert (named != boxed).any()


def test_a_video_is_whole(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), np.uint8)
    with OutputFolder(tmp_path, ()).video_writer('clip', 10) as writer:
        assert not (tmp_path / 'clip.mp4').exists()
        for frame in frames:
            writer.write(frame)
    capture = cv2.VideoCapture(str(tmp_path / 'clip.mp4'))
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    read = [capture.read()[1] for _ in frames]
    assert [frame.shape for frame in read] == [(48, 64, 3)] * 5
    assert not capture.read()[0]


def test_a_video_without_frames_is_no_file(tmp_path):
    with VideoWriter(tmp_path / 'clip.mp4', 10):
        pass
    assert not list(tmp_path.iterdir())


def test_an_unwritable_video(tmp_path):
    with (
        VideoWriter(tmp_path / 'no' / 'clip.mp4', 10) as writer,
        pytest.raises(VideoError, match='clip.mp4 cannot be written'),
    ):
        writer.write(np.zeros((48, 64, 3), np.uint8))
