"""The folder of outputs: names, what is replaced, pictures."""

import contextlib
from collections import deque

import cv2
import numpy as np
import pytest

from rtmw_ext.core.errors import VideoError
from rtmw_ext.core.people import People
from rtmw_ext.output import read
from rtmw_ext.output.draw2d import draw_people
from rtmw_ext.output.folder import OutputError, OutputFolder
from rtmw_ext.output.records import Source
from rtmw_ext.runtime.video import Video


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


def planned(folder, *sources, formats=('json',), **options):
    """Names of sources; those of videos end in mp4."""
    outputs = OutputFolder(folder, formats)
    pairs = [(str(source), str(source).endswith('mp4')) for source in sources]
    return outputs.plan(pairs, **options)


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize(
    'kind', ['itself', 'dots', 'symlink', 'hard link', 'linked folder', 'video', 'png']
)
def test_an_input_is_never_an_output(kind, overwrite, tmp_path):
    folder = tmp_path / 'photos'
    (folder / 'sub').mkdir(parents=True)
    photo, out = folder / 'a.jpg', folder
    if kind == 'video':
        photo = folder / 'a.mp4'
    elif kind == 'png':
        photo = folder / 'a.png'
    photo.write_bytes(b'mine')
    others = [photo]
    if kind == 'dots':
        out = folder / 'sub' / '..'
    elif kind == 'symlink':
        out = tmp_path / 'out'
        out.mkdir()
        (out / 'a.jpg').symlink_to(photo)
    elif kind == 'hard link':
        out = tmp_path / 'out'
        out.mkdir()
        (out / 'a.jpg').hardlink_to(photo)
    elif kind == 'linked folder':
        out = tmp_path / 'linked'
        out.symlink_to(folder)
    elif kind == 'png':
        # The picture of the one is the other.
        others.append(folder / 'a.jpg')
        others[1].write_bytes(b'mine')
    with pytest.raises(OutputError, match='would replace the input .*another --out'):
        planned(out, *others, overwrite=overwrite)
    assert photo.read_bytes() == b'mine'


def test_a_network_is_no_output(tmp_path):
    network = tmp_path / 'pose.onnx'
    network.write_bytes(b'mine')
    (tmp_path / 'a.json').symlink_to(network)
    with pytest.raises(OutputError, match='replace the input .*pose.onnx'):
        planned(tmp_path, 'b/a.jpg', others=[network], overwrite=True)


@pytest.mark.parametrize(
    'name, formats',
    [
        ('a.jpg', ()),
        ('a.json', ['json']),
        ('clip.mp4', ()),
        ('clip.json.part', ['json']),
        ('clip_000000000007_keypoints.json', ['openpose']),
        ('a.jsonl', ['jsonl']),
        ('keypoints.csv', ['csv']),
        ('keypoints.npz.part', ['npz']),
        ('coco_results.json', ['coco']),
    ],
)
def test_an_output_is_replaced_only_if_asked(name, formats, tmp_path):
    (tmp_path / name).write_text('earlier')
    sources = ('x/a.jpg', 'x/clip.mp4')
    with pytest.raises(OutputError, match=f'{name} would be replaced: .*--overwrite'):
        planned(tmp_path, *sources, formats=formats)
    assert planned(tmp_path, *sources, formats=formats, overwrite=True) == ['a', 'clip']
    assert (tmp_path / name).read_text() == 'earlier'
    assert planned(tmp_path, 'x/other.jpg', formats=['openpose']) == ['other']


def test_what_is_replaced_is_the_name(tmp_path):
    """Never the content behind a link; frames of a longer video go."""
    mine = tmp_path / 'mine.txt'
    mine.write_text('mine')
    out = tmp_path / 'out'
    out.mkdir()
    for name in ('a.jpg', 'clip.mp4', 'clip.json', 'keypoints.csv', 'keypoints.npz'):
        (out / name).symlink_to(mine)
    old = out / 'clip_000000000099_keypoints.json'
    old.write_text('{}')
    other = out / 'clip_2_000000000099_keypoints.json'
    other.write_text('{}')
    outputs = OutputFolder(out, ['json', 'csv', 'npz', 'openpose'])
    outputs.plan([('a.jpg', False), ('clip.mp4', True)], overwrite=True)
    assert old.exists()
    outputs.begin(Source('a'))
    outputs.add('a', None, person())
    outputs.write_picture('a', np.zeros((60, 100, 3), np.uint8))
    outputs.begin(Source('clip'))
    outputs.add('clip', 0, person(np.array([1])), 0.0)
    with outputs.video_writer('clip', 10) as writer:
        writer.write(np.zeros((60, 100, 3), np.uint8))
    outputs.close()
    assert mine.read_text() == 'mine' and not old.exists() and other.exists()
    assert not any(path.is_symlink() for path in out.iterdir())
    assert len(read(out / 'clip.json')) == 1


@pytest.mark.parametrize(
    'sources, formats, names',
    [
        (['a/X.jpg', 'b/x.jpg'], ['json'], ['X', 'x_2']),
        (['a/e\u0301.jpg', 'b/\u00e9.png'], [], ['e\u0301', '\u00e9_2']),
        (['coco_results.jpg'], ['coco', 'json'], ['coco_results_2']),
        (['coco_results.jpg'], ['json'], ['coco_results']),
        (['a.jpg', 'a_keypoints.jpg'], ['openpose', 'json'], ['a', 'a_keypoints_2']),
        (
            ['a.mp4', 'a_000000000001.jpg'],
            ['openpose'],
            ['a', 'a_000000000001_2'],
        ),
        (['a.jpg', 'a.jpg', 'a_2.jpg'], ['json'], ['a', 'a_2', 'a_2_2']),
    ],
)
def test_no_file_is_of_two_sources(sources, formats, names, tmp_path):
    assert planned(tmp_path, *sources, formats=formats) == names


def test_a_picture_that_its_format_has_no_room_for(tmp_path):
    wide = np.zeros((2, 70_000, 3), np.uint8)
    with pytest.raises(OutputError, match='70000 x 2 pixels.*--picture png'):
        OutputFolder(tmp_path, ()).write_picture('x', wide)
    OutputFolder(tmp_path, (), picture='png').write_picture('x', wide)
    assert [path.name for path in tmp_path.iterdir()] == ['x.png']


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


class Clip:
    """A video of grey frames, its people, and whether it was closed."""

    rate, count = 10.0, 5

    def __init__(self):
        self.times, self.closed = deque(), False

    def results(self):
        try:
            for number in range(self.count):
                self.times.append(number / self.rate)
                yield np.full((60, 100, 3), 40 * number, np.uint8), person()
        finally:
            self.closed = True


@pytest.mark.parametrize('draw', [False, True])
@pytest.mark.parametrize('written', [False, True])
def test_a_video(draw, written, tmp_path):
    outputs, clip, seen = OutputFolder(tmp_path, draw=written), Clip(), []

    def each(people, time, drawn):
        seen.append((len(people), time, None if drawn is None else drawn.shape))
        return False

    source = Source('clip', 'clip.mov', 'video')
    count = outputs.add_video(source, clip, clip.results(), draw=draw, each=each)
    outputs.close()
    shape = (60, 100, 3) if draw or written else None
    assert seen == [(1, number / 10, shape) for number in range(5)]
    results = read(tmp_path / 'clip.json')
    assert count == len(results) == 5 and clip.closed and not clip.times
    assert [frame.time for frame in results] == [0, 0.1, 0.2, 0.3, 0.4]
    wanted = dict(width=100, height=60, rate=10, frames=5, kind='video')
    assert wanted.items() <= results.sources['clip'].items()
    if written:
        assert len(list(Video(tmp_path / 'clip.mp4'))) == 5
    else:
        assert not (tmp_path / 'clip.mp4').exists()


@pytest.mark.parametrize('fault', [None, VideoError('cut'), KeyboardInterrupt()])
def test_a_video_that_ends_early(fault, tmp_path):
    outputs, clip = OutputFolder(tmp_path), Clip()

    def each(people, time, drawn):
        if time > 0.15 and fault is not None:
            raise fault
        return time > 0.15

    results = clip.results()
    with pytest.raises(type(fault)) if fault else contextlib.nullcontext():
        outputs.add_video(Source('clip'), clip, results, each=each)
    outputs.close()
    # A signal does not wait for the frames that are on their way.
    assert clip.closed != isinstance(fault, KeyboardInterrupt)
    assert len(read(tmp_path / 'clip.json')) == 3
    assert len(list(Video(tmp_path / 'clip.mp4'))) == 3
