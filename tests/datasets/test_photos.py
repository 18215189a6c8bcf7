"""Photos become crops whose labels lie where the photo shows them."""

import json

import cv2
import numpy as np
import pytest
import torch

from rtmw_ext.core.skeleton import FIELDS, PARTS
from rtmw_ext.datasets import CropMix
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.crop_pool import write_shard
from rtmw_ext.datasets.packed_crops import pack_crops, unpack_crops
from rtmw_ext.datasets.photos import (
    CONTEXT,
    PhotoError,
    crop_square,
    locate_cutting,
    replace_background,
    transform_points,
    write_photo_crops,
)


def texture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return (
        cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 3)
        * 2
    )


@pytest.mark.parametrize('scale', [1.0, 0.71, 0.48])
def test_a_cutting_is_found_in_its_photo(scale):
    photo = texture(300, 400)
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scale = small.shape[0] / 300
    cutting = small[10:110, 20:120]
    matrix = locate_cutting(cutting, photo)
    x, y = transform_points(matrix, np.array([[50.0, 60]]))[0]
    assert abs(x - ((50 + 20 + 0.5) / scale - 0.5)) < 1.5
    assert abs(y - ((60 + 10 + 0.5) / scale - 0.5)) < 1.5


def test_another_photo_is_not_taken_for_it():
    assert locate_cutting(texture(80, 80, 1), texture(300, 400, 2)) is None


@pytest.mark.parametrize('side', [60.0, 150.0, 400.0])
def test_a_square_shows_a_point_where_it_says(side):
    photo = np.zeros((200, 260, 3), np.uint8)
    cv2.circle(photo, (140, 90), 8, (0, 0, 255), -1)
    crop, matrix = crop_square(photo, (130.0, 100.0), side, 96)
    y, x = np.argwhere(crop[..., 2] > 100).mean(0)
    assert np.abs(transform_points(matrix, np.array([140.0, 90])) - (x, y)).max() < 0.6
    assert crop.shape == (96, 96, 3)


def row_of(points, visible, box):
    values = np.concatenate([points, visible[:, None]], 1)
    return dict(
        id=1,
        image_id=1,
        bbox=box,
        **{field: values[part].reshape(-1).tolist() for field, part in FIELDS.items()},
    )


@pytest.fixture
def photos(tmp_path):
    """A set of one photo, a cutting, whose nose and left hand are labelled,
    and the folder of the whole photo."""
    whole = texture(300, 400)
    cutting = whole[50:250, 100:300]
    for name, image in (('set/images/a.png', cutting), ('whole/a.png', whole)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), image)
    points, visible = np.zeros((133, 2)), np.zeros(133)
    points[0], visible[0] = (90, 80), 2
    points[91:112] = np.stack([np.linspace(60, 100, 21)] * 2, 1)
    visible[91:112] = 1
    (tmp_path / 'set/train.json').write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.png', source='a.png')],
                annotations=[row_of(points, visible, [50, 30, 100, 140])],
            )
        )
    )
    return tmp_path


@pytest.mark.parametrize('originals', [False, True])
def test_shards_of_persons(photos, originals):
    count = write_photo_crops(
        photos / 'set',
        'train',
        photos / 'out',
        96,
        originals=photos / 'whole' if originals else None,
    )
    assert count == 1
    (crop,) = np.load(photos / 'out/crops-00000.npy')
    with np.load(photos / 'out/truth-00000.npz') as truth:
        x1, y1, x2, y2 = truth['bboxes'][0]
        points, visible = truth['keypoints'][0], truth['visible'][0]
    assert abs((y2 - y1) - 96 / CONTEXT['person']) < 0.1
    assert abs((x1 + x2) / 2 - 47.5) < 0.5
    assert visible[0] == 2 and visible[91] == 1 and visible[5] == 0
    # The nose, 10 pixels of the photo left of the box's middle.
    assert abs(points[0, 0] - (47.5 - 10 * 96 / 238)) < 0.1
    # A whole photo shows what the cutting leaves black.
    assert (crop[:, 0] > 0).any() == originals


def test_shards_of_parts(photos):
    assert write_photo_crops(photos / 'set', 'train', photos / 'out', 96, 'part') == 1
    with np.load(photos / 'out/truth-00000.npz') as truth:
        points, visible = truth['keypoints'][0], truth['visible'][0]
    # The hand alone, and its wrist of the body, which is not known here.
    assert set(np.flatnonzero(visible)) == set(PARTS['left_hand'])
    side = np.ptp(points[91:112], axis=0).max()
    assert abs(side - 96 / CONTEXT['part']) < 0.1


@pytest.mark.parametrize('upright', [True, False])
def test_shards_of_busts(photos, upright):
    path = photos / 'set/train.json'
    content = json.loads(path.read_text())
    points, visible = np.zeros((133, 2)), np.zeros(133)
    for point, (x, y) in {
        0: (90, 50),
        5: (110, 70),
        6: (70, 70),
        11: (100, 120),
        12: (80, 120),
        15: (100, 165),
    }.items():
        points[point], visible[point] = (x, y if upright else 200 - y), 2
    content['annotations'] = [row_of(points, visible, [50, 30, 100, 140])]
    path.write_text(json.dumps(content))
    count = write_photo_crops(photos / 'set', 'train', photos / 'out', 96, 'bust')
    assert count == upright
    if not upright:
        return
    (crop,) = np.load(photos / 'out/crops-00000.npy')
    with np.load(photos / 'out/truth-00000.npz') as truth:
        box, visible = truth['bboxes'][0], truth['visible'][0]
        points = truth['keypoints'][0]
    # The photo and the box end below the shoulders and above the ankle.
    assert (visible[[0, 5, 6]] == 2).all() and visible[15] == 0
    assert points[5, 1] < box[3] < points[15, 1]
    assert (crop[: int(box[3]) - 2, 48] > 0).any()
    assert (crop[int(box[3]) + 2 :] == 0).all()
    assert ((points[visible > 0] >= box[:2]) & (points[visible > 0] <= box[2:])).all()


def test_a_thing_on_black_gets_a_background():
    crop = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(crop, (48, 48), 20, (90, 120, 200), -1)
    filled = replace_background(crop, np.full((60, 200, 3), 250, np.uint8))
    assert (filled[48, 48] == crop[48, 48]).all()
    assert (filled[5, 5] == 250).all() and (filled[:20] > 240).all()
    # No rim that is darker than both.
    assert filled[48, :, 0].min() >= 85


def test_no_such_split(photos):
    with pytest.raises(PhotoError, match='val.json'):
        write_photo_crops(photos / 'set', 'val', photos / 'out')


def write_set(folder, count, fill, depth=False):
    folder.mkdir()
    truth = dict(
        bboxes=np.zeros((count, 4), np.float32),
        keypoints=np.zeros((count, 133, 2), np.float32),
        visible=np.ones((count, 133), np.uint8),
    )
    if depth:
        truth['keypoints_3d'] = np.ones((count, 133, 3), np.float32)
    np.savez(folder / 'truth-00000.npz', **truth)
    np.save(
        folder / 'crops-00000.npy',
        np.full((count, 8, 8, 3), fill, np.uint8)
        + np.arange(count, dtype=np.uint8)[:, None, None, None],
    )


def test_a_mix_keeps_its_shares_and_shows_all(tmp_path):
    write_set(tmp_path / 'a', 10, 0)
    write_set(tmp_path / 'b', 3, 100, depth=True)
    mix = CropMix(
        [
            dict(data_root=tmp_path / 'a', share=1.0, weight=2.0),
            dict(data_root=tmp_path / 'b', share=3.0, hidden_weight=0.7),
        ],
        with_3d=True,
    )
    assert len(mix) == 40
    batch = mix.__getitems__(range(40))
    kinds = batch['crops'][:, 0, 0, 0]
    first = kinds < 100
    assert sorted(kinds[first].tolist()) == list(range(10))
    assert kinds[~first].bincount()[100:].tolist() == [10, 10, 10]
    assert (batch['label_weights'] == torch.where(first, 2.0, 1.0)).all()
    visible = batch['keypoints_visible'][:, 0]
    assert torch.equal(visible, torch.where(first, 0.5, 0.7))
    assert torch.equal(batch['keypoints_3d_visible'][:, 0] > 0, ~first)


def test_crops_in_memory_are_those_on_disk(tmp_path):
    write_set(tmp_path / 'a', 5, 0)
    write_set(tmp_path / 'b', 3, 100, depth=True)
    mapped, read = (
        CropMix(
            [
                dict(data_root=tmp_path / name, share=share)
                for name, share in (('a', 1.0), ('b', 2.0))
            ],
            with_3d=True,
            in_memory=in_memory,
        )
        for in_memory in (False, True)
    )
    order = [7, 0, 12, 3, 14, 0]
    expected, batch = mapped.__getitems__(order), read.__getitems__(order)
    assert set(batch) == set(expected) and len(batch['crops']) == 6
    for name, value in expected.items():
        assert torch.equal(batch[name], value)
    # The file is not looked at again.
    path = tmp_path / 'a/crops-00000.npy'
    with path.open('r+b') as file:
        file.seek(-5 * 8 * 8 * 3, 2)
        file.write(bytes(5 * 8 * 8 * 3 * [77]))
    assert not torch.equal(mapped.__getitems__(order)['crops'], expected['crops'])
    assert torch.equal(read.__getitems__(order)['crops'], expected['crops'])


@pytest.mark.parametrize(
    'sets, text',
    [
        ([dict(data_root='nowhere', share=1.0)], 'no crops'),
        ([dict(data_root='a', share=0.0)], 'must be > 0'),
    ],
)
def test_a_mix_that_cannot_be(tmp_path, monkeypatch, sets, text):
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / 'a', 2, 0)
    with pytest.raises(AnnotationError, match=text):
        CropMix(sets)


def test_packs_carry_shards(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'a').mkdir()
    crops = np.stack(
        [
            np.full((16, 16, 3), shade, np.uint8)
            for shade in rng.integers(0, 256, 7, np.uint8)
        ]
    )
    for number, rows in enumerate((slice(4), slice(4, 7))):
        write_shard(
            tmp_path / 'a',
            number,
            crops[rows],
            dict(bboxes=np.arange(28.0).reshape(7, 4)[rows]),
        )
    packs = pack_crops(tmp_path / 'a', tmp_path / 'packs', limit=3500)
    assert [path.name for path in packs] == ['pack-00000.npz', 'pack-00001.npz']
    assert len(pack_crops(tmp_path / 'a', tmp_path / 'one')) == 1
    for packed, sizes in (('packs', [3, 1, 3]), ('one', [3, 3, 1])):
        assert unpack_crops(tmp_path / packed, tmp_path / f'b-{packed}', 3) == 7
        shards = sorted((tmp_path / f'b-{packed}').glob('crops-*.npy'))
        found = [np.load(path) for path in shards]
        assert [len(one) for one in found] == sizes
        off = np.concatenate(found).astype(int) - crops
        assert np.abs(off).max() <= 3
        boxes = [
            np.load(path)['bboxes']
            for path in sorted((tmp_path / f'b-{packed}').glob('truth-*.npz'))
        ]
        assert np.concatenate(boxes).reshape(-1).tolist() == list(range(28))
    with pytest.raises(AnnotationError, match='pack'):
        unpack_crops(tmp_path / 'a', tmp_path / 'b')
