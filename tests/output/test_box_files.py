"""Boxes of people from COCO files, results and tables, and whose they are."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.crops import BoxError
from rtmw_ext.core.people import People
from rtmw_ext.output import FORMATS
from rtmw_ext.output.box_files import BoxFile
from rtmw_ext.output.records import Source
from support.examples import examples

ROWS = 'image,x1,y1,x2,y2,score\na/x.jpg,1,2,30,40,0.5\na/x.jpg,5,6,70,80,0.9\n'


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def boxes_of(file, source, frame=None):
    assert file.match([source]) == []
    return file.boxes_of(source, frame).tolist()


def test_tables(tmp_path):
    path = written(tmp_path / 'boxes.csv', ROWS)
    expected = [[1, 2, 30, 40, 0.5], [5, 6, 70, 80, np.float32(0.9)]]
    assert boxes_of(BoxFile(path), 'photos/a/x.jpg') == expected
    assert boxes_of(BoxFile(path, 0.6), 'photos/a/x.jpg') == expected[1:]
    # Without names, without scores, and with other names.
    written(path, '\ufeffx.jpg, 1, 2, 30, 40\n\n')
    assert boxes_of(BoxFile(path), 'x.jpg') == [[1, 2, 30, 40, 1]]
    written(path, 'Frame,File_Name,y1,x1,y2,x2\n3,clip.mp4,2,1,40,30\n')
    file = BoxFile(path)
    assert boxes_of(file, 'clip.mp4', 3) == [[1, 2, 30, 40, 1]]
    assert boxes_of(file, 'clip.mp4', 2) == []
    with pytest.raises(BoxError, match='name frames, but it is an image'):
        file.boxes_of('clip.mp4')
    file = BoxFile(written(path, ROWS))
    file.match(['a/x.jpg'])
    with pytest.raises(BoxError, match='add the column frame'):
        file.boxes_of('a/x.jpg', 0)


def test_coco(tmp_path):
    def row(image, category=1, **more):
        return dict(image_id=image, category_id=category, bbox=[1, 2, 29, 38], **more)

    annotations = dict(
        images=[
            dict(id=7, file_name='val/x.jpg'),
            dict(id=8, file_name='val/nobody.jpg'),
        ],
        categories=[dict(id=3, name='person'), dict(id=1, name='dog')],
        annotations=[row(7, 3), row(7, 1), row(7, 3, iscrowd=1)],
    )
    file = BoxFile(written(tmp_path / 'a.json', annotations))
    assert boxes_of(file, '/data/val/x.jpg') == [[1, 2, 30, 40, 1]]
    # It is known that nobody is there.
    assert boxes_of(file, 'val/nobody.jpg') == []
    assert file.match(['train/x.jpg', 'y.jpg']) == ['train/x.jpg', 'y.jpg']
    assert file.boxes_of('y.jpg').shape == (0, 5)

    results = [row(139, score=0.25), row(139, 2, score=0.5)]
    file = BoxFile(written(tmp_path / 'r.json', results))
    assert boxes_of(file, 'val2017/000000000139.jpg') == [[1, 2, 30, 40, 0.25]]
    assert boxes_of(file, 'other/139.png') == [[1, 2, 30, 40, 0.25]]
    file = BoxFile(written(tmp_path / 'r.json', [row('x.jpg', 0, score=0.25)]))
    assert boxes_of(file, 'x.jpg') == [[1, 2, 30, 40, 0.25]]


def people(count, offset=0.0, ids=None):
    rng = np.random.default_rng(count)
    points = rng.uniform(10, 50, (count, 133, 2)).astype(np.float32) + offset
    boxes = np.concatenate([points.min(1), points.max(1)], 1).astype(np.float32)
    scores = np.linspace(0.5, 0.9, count).astype(np.float32)
    return People(
        points, np.full((count, 133), 0.5, np.float32), boxes, scores, ids=ids
    )


@pytest.mark.parametrize('name', ['json', 'jsonl', 'npz', 'csv', 'coco'])
def test_results_in_every_format(name, tmp_path):
    results = FORMATS[name](tmp_path)
    images = {'b/x': people(2), 'x': people(1), 'nobody': people(0)}
    frames = [people(2, 1, np.array([4, 5])), people(0, ids=np.zeros(0, int))]
    for image, found in images.items():
        (tmp_path / 'b').mkdir(exist_ok=True)
        results.begin(Source(image, f'in/{image}.jpg'))
        results.add(image, None, found)
        results.end()
    results.begin(Source('clip', 'in/clip.mp4', 'video'))
    for number, found in enumerate(frames):
        results.add('clip', number, found, number / 10)
    results.end()
    results.close()
    suffix = '.jsonl' if name == 'jsonl' else '.json'
    whole = {
        'csv': 'keypoints.csv',
        'npz': 'keypoints.npz',
        'coco': 'coco_results.json',
    }
    for image, found in images.items():
        file = BoxFile(tmp_path / whole.get(name, image + suffix))
        given = file.match([f'/data/in/{image}.jpg']) or file.boxes_of(
            f'/data/in/{image}.jpg'
        )
        assert np.allclose(given[:, :4], found.boxes, atol=1e-3)
        if name != 'csv':
            assert np.allclose(given[:, 4], found.box_scores)
    file = BoxFile(tmp_path / whole.get(name, f'clip{suffix}'))
    for number, found in enumerate(frames):
        given = boxes_of(file, '/data/in/clip.mp4', number)
        assert np.allclose(np.reshape(given, (-1, 5))[:, :4], found.boxes, atol=1e-3)


def test_whose_rows_are(tmp_path):
    rows = ['x.jpg', 'a/x.jpg', 'stem', '007', 'c\\y.png', './../d/z.jpg']
    text = '\n'.join(f'{row},0,0,{number + 1},1' for number, row in enumerate(rows))
    file = BoxFile(written(tmp_path / 'boxes.csv', text))
    widths = {
        'b/x.jpg': 1,
        'b/a/x.jpg': 2,
        'any/stem.heic': 3,
        '7.png': 4,
        'c/y.png': 5,
        'd/z.jpg': 6,
    }
    assert file.match([*widths]) == []
    for source, width in widths.items():
        assert file.boxes_of(source)[0, 2] == width
    assert file.match(['b/y.png', 'x.png', 'stem/x']) == ['b/y.png', 'x.png', 'stem/x']
    for sources in (['p/stem.jpg', 'q/stem.jpg'], ['stem.jpg', 'stem.png']):
        with pytest.raises(BoxError, match='stem could be of .* and .*stem'):
            file.match(sources)
    # The same file twice is one.
    assert file.match(['p/stem.jpg', 'p/../p/stem.jpg']) == []


NAME = st.lists(st.sampled_from(['a', 'b', 'c']), min_size=1, max_size=3)


@examples(100)
@given(files=st.lists(NAME, min_size=1, max_size=6, unique_by=tuple), data=st.data())
def test_each_file_finds_its_own_row(files, data, tmp_path_factory):
    """Where every file has a row with its whole path, in any order."""
    names = ['/'.join(parts) + '.jpg' for parts in files]
    folder = tmp_path_factory.mktemp('boxes')
    rows = data.draw(st.permutations(list(enumerate(names, 1))))
    text = '\n'.join(f'{folder}/{name},0,0,{number},1' for number, name in rows)
    file = BoxFile(written(folder / 'boxes.csv', text))
    sources = [f'{folder}/{name}' for name in names]
    assert file.match(sources) == []
    for number, source in enumerate(sources, 1):
        assert file.boxes_of(source)[0, 2] == number


@pytest.mark.parametrize(
    'name, content, said',
    [
        ('none.csv', None, 'cannot be read'),
        ('a.csv', '', 'it is empty'),
        ('a.csv', 'image,x1,y1,x2,y2\nx,1,2,3', 'row 1 is'),
        ('a.csv', 'x.jpg,1,2,three,4', 'row 1 is'),
        ('a.csv', 'who,x1,y1,x2,y2\nx,1,2,3,4', 'no column is called image'),
        ('a.csv', 'x.jpg,9,2,3,4', r'x.jpg: box 0 is \[9'),
        ('a.csv', 'x.jpg,nan,2,3,4', 'x.jpg: box 0 is'),
        ('a.csv', 'x.jpg,1,2,3,4,inf', 'scores of boxes'),
        ('a.json', '{"a": 1', '--draw-boxes'),
        ('a.json', '[{"image_id": 1, "category_id": 1}]', 'has no bbox'),
        ('a.json', '[{"image_id": 1, "category_id": 1, "bbox": [1]}]', 'ValueError'),
        ('photo.jpg', 'no boxes', '--draw-boxes draws boxes'),
    ],
)
def test_files_that_hold_no_boxes(name, content, said, tmp_path):
    path = tmp_path / name
    if content is not None:
        written(path, content)
    with pytest.raises(BoxError, match=said) as error:
        BoxFile(path)
    assert name in str(error.value) and '\n' not in str(error.value)
