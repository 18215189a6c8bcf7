"""Photos become crops whose labels lie where the photo shows them, and what
happens to people in photos happens to labels too."""

import json

import cv2
import numpy as np
import pytest
import torch

from rtmw_ext.core.skeleton import FIELDS, PARTS
from rtmw_ext.datasets import CropMix
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.photos import (
    CONTEXT,
    PhotoError,
    cut,
    fill,
    move,
    place_of,
    shards,
)
from rtmw_ext.models import PhotoPipeline
from rtmw_ext.models.photo_pipeline import (
    compress,
    covered,
    far_away,
    figures,
    motion_blur,
    occlude,
    paste_person,
    truncate,
)

RED = (0, 0, 255)


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
    matrix = place_of(cutting, photo)
    x, y = move(matrix, np.array([[50.0, 60]]))[0]
    assert abs(x - ((50 + 20 + 0.5) / scale - 0.5)) < 1.5
    assert abs(y - ((60 + 10 + 0.5) / scale - 0.5)) < 1.5


def test_another_photo_is_not_taken_for_it():
    assert place_of(texture(80, 80, 1), texture(300, 400, 2)) is None


@pytest.mark.parametrize('side', [60.0, 150.0, 400.0])
def test_cut_shows_a_point_where_it_says(side):
    photo = np.zeros((200, 260, 3), np.uint8)
    cv2.circle(photo, (140, 90), 8, RED, -1)
    crop, matrix = cut(photo, (130.0, 100.0), side, 96)
    y, x = np.argwhere(crop[..., 2] > 100).mean(0)
    assert np.abs(move(matrix, np.array([140.0, 90])) - (x, y)).max() < 0.6
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
    count = shards(
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
    assert shards(photos / 'set', 'train', photos / 'out', 96, 'part') == 1
    with np.load(photos / 'out/truth-00000.npz') as truth:
        points, visible = truth['keypoints'][0], truth['visible'][0]
    # The hand alone, and its wrist of the body, which is not known here.
    assert set(np.flatnonzero(visible)) == set(PARTS['left_hand'])
    side = np.ptp(points[91:112], axis=0).max()
    assert abs(side - 96 / CONTEXT['part']) < 0.1


def test_a_thing_on_black_gets_a_background():
    crop = np.zeros((96, 96, 3), np.uint8)
    cv2.circle(crop, (48, 48), 20, (90, 120, 200), -1)
    filled = fill(crop, np.full((60, 200, 3), 250, np.uint8))
    assert (filled[48, 48] == crop[48, 48]).all()
    assert (filled[5, 5] == 250).all() and (filled[:20] > 240).all()
    # No rim that is darker than both.
    assert filled[48, :, 0].min() >= 85


def test_no_such_split(photos):
    with pytest.raises(PhotoError, match='val.json'):
        shards(photos / 'set', 'val', photos / 'out')


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


def people(count=8, side=96):
    """Grey crops of people who stand upright in the middle."""
    points = np.zeros((133, 2), np.float32)
    points[:17] = [
        (48, 20),
        (50, 18),
        (46, 18),
        (52, 20),
        (44, 20),
        (56, 32),
        (40, 32),
        (60, 44),
        (36, 44),
        (60, 54),
        (36, 54),
        (53, 54),
        (43, 54),
        (53, 66),
        (43, 66),
        (53, 80),
        (43, 80),
    ]
    visible = np.zeros(133, np.float32)
    visible[:17] = 1
    shades = 40 + 20 * (torch.arange(count) % 10).to(torch.uint8)
    return dict(
        crops=shades[:, None, None, None].expand(count, side, side, 3).contiguous(),
        bboxes=torch.tensor([[32.0, 12, 64, 86]]).repeat(count, 1),
        keypoints=torch.from_numpy(points).repeat(count, 1, 1),
        keypoints_visible=torch.from_numpy(visible).repeat(count, 1),
        keypoints_3d=torch.zeros(count, 133, 3),
        keypoints_3d_visible=torch.ones(count, 133),
    )


def test_a_border_cuts_picture_box_and_labels():
    data = people(64)
    changed = truncate(data, torch.arange(64))
    sides = set()
    for crop, box, visible, deep in zip(
        changed['crops'],
        changed['bboxes'],
        changed['keypoints_visible'],
        changed['keypoints_3d_visible'],
    ):
        shown = np.argwhere(crop[..., 0].numpy() > 0)
        (top, left), (bottom, right) = shown.min(0), shown.max(0)
        edges = dict(left=left, top=top, right=95 - right, bottom=95 - bottom)
        (cut_side,) = [name for name, gap in edges.items() if gap > 0]
        sides.add(cut_side)
        border = torch.tensor([left, top, right, bottom])
        inner = (
            (data['keypoints'][0, :17] >= border[:2])
            & (data['keypoints'][0, :17] <= border[2:])
        ).all(1)
        assert torch.equal(visible[:17] > 0, inner)
        assert not deep[:17][~inner].any() and inner.sum() >= 4
        # The box ends at the border, within a pixel of the grid.
        x1, y1, x2, y2 = box
        assert (
            (
                dict(
                    left=x1 - left, top=y1 - top, right=right - x2, bottom=bottom - y2
                )[cut_side]
            ).abs()
            <= 1
        )
    assert sides == {'left', 'top', 'right', 'bottom'}


def test_who_would_vanish_stays():
    data = people(4)
    data['keypoints_visible'][:, 3:] = 0
    changed = truncate(data, torch.arange(4))
    assert torch.equal(changed['crops'], data['crops'])
    assert torch.equal(changed['bboxes'], data['bboxes'])


def test_silhouettes_cover_known_limbs_only():
    data = people(2)
    data['keypoints_visible'][1, 13:] = 0
    both = figures(data, torch.arange(2), 48)[:, 0]
    for (x, y), lower in (((24, 24), False), ((26, 36), True)):
        assert both[0, y, x] == 1 and (both[1, y, x] == 1) != lower
    assert both[0, 4, 4] == 0


def test_pasted_people_cover_points():
    torch.manual_seed(0)
    data = people(8)
    rows = torch.arange(8)
    some, all_, covered_points = 0, 0, 0
    for _ in range(8):
        changed = paste_person(data, rows)
        off = changed['crops'].float() - data['crops'].float()
        some += (off.abs() > 5).float().mean()
        all_ += 1
        hidden = changed['keypoints_visible'] == 0.5
        covered_points += hidden.sum()
        assert set(changed['keypoints_visible'].unique().tolist()) <= {0.0, 0.5, 1.0}
    assert 0.02 < some / all_ < 0.3 and covered_points > 20


def test_things_in_front():
    torch.manual_seed(0)
    data = people(8)
    changed = occlude(data, torch.arange(8))
    off = (changed['crops'].float() - data['crops'].float()).abs().amax(3)
    places = data['keypoints'].long()
    for person in range(8):
        hidden = changed['keypoints_visible'][person, :17] == 0.5
        for (x, y), is_hidden in zip(places[person, :17], hidden):
            assert is_hidden == (off[person, y, x] > 0)
    assert (off > 0).flatten(1).any(1).all()


def test_covered_leaves_the_rest():
    data = people(2)
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., :30, :] = 1
    changed = covered(data, torch.tensor([1]), torch.zeros(1, 3, 96, 96), mask)
    assert not changed['crops'][0, :30].any()
    assert torch.equal(changed['crops'][0, 30:], data['crops'][1, 30:])
    assert (changed['keypoints_visible'][0, :5] == 0.5).all()
    assert (changed['keypoints_visible'][0, 5:17] == 1).all()


def test_motion_blur_is_a_line():
    torch.manual_seed(3)
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32, 32] = 255
    spot = motion_blur(image)[0, 0]
    points = spot.nonzero().float()
    assert 3 <= len(points) <= 15 and abs(spot.sum() - 255) < 1e-2
    assert (points.mean(0) - 32).abs().max() < 1
    assert np.linalg.svd((points - points.mean(0)).numpy())[1][1] < 2


def test_far_away_keeps_places_and_loses_detail():
    torch.manual_seed(0)
    image = torch.rand(2, 3, 128, 96) * 255
    image[..., 40:60, 30:50] = 255
    out = far_away(image)
    assert out.shape == image.shape and out.std() < 0.7 * image.std()
    inside = out[..., 45:55, 35:45].mean()
    assert inside > out[..., 100:, 60:].mean() + 60


def test_compress_is_what_jpeg_does():
    """As near to the picture as OpenCV's JPEG of such a quality, and with its
    blocks: nothing beyond the block of a spot changes."""
    torch.manual_seed(0)
    smooth = torch.from_numpy(
        cv2.GaussianBlur(texture(64, 64).astype(np.float32), (0, 0), 2)
    ).permute(2, 0, 1)[None]
    near = (compress(smooth) - smooth).abs().mean()
    coded = cv2.imdecode(
        cv2.imencode(
            '.jpg',
            smooth[0].permute(1, 2, 0).byte().numpy(),
            [cv2.IMWRITE_JPEG_QUALITY, 20],
        )[1],
        1,
    )
    theirs = np.abs(coded - smooth[0].permute(1, 2, 0).numpy()).mean()
    assert 0.2 * theirs < near < 3 * theirs
    spot = torch.full((1, 3, 32, 32), 128.0)
    plain = compress(spot)
    spot[..., 10, 10] = 255
    off = (compress(spot) - compress(spot.clone())).abs().amax(1)[0]
    assert (plain - 128).abs().max() < 40
    changed = (compress(spot) - spot).abs().amax(1)[0] > 45
    changed[8:16, 8:16] = False
    assert not changed.any() and off.shape == (32, 32)


def test_the_pipeline_weighs_labels():
    torch.manual_seed(0)
    pipeline = PhotoPipeline(
        codec=dict(type='SimCC3DLabel', input_size=(64, 96, 64)),
        mean=[0.0, 0.0, 0.0],
        std=[1.0, 1.0, 1.0],
        shift_factor=0.0,
        scale_factor=(1.0, 1.0),
        rotate_factor=0.0,
        half_body_prob=0.0,
        dropout_prob=0.0,
        truncate_prob=0.25,
        paste_prob=0.25,
        occlude_prob=0.25,
        part_weights=dict(body=3.0),
    )
    data = people(16)
    before = {name: value.clone() for name, value in data.items()}
    data['label_weights'] = torch.tensor([2.0] * 8 + [1.0] * 8)
    with torch.autocast('cpu', torch.bfloat16):  # As a training step.
        out = pipeline(data, training=True)
    labels = out['data_samples'][0].gt_instance_labels
    assert out['inputs'].shape == (16, 3, 96, 64)
    weights = labels.keypoint_weights
    assert set(weights[:8, :17].unique().tolist()) <= {0.0, 3.0, 6.0}
    assert set(weights[8:, :17].unique().tolist()) <= {0.0, 1.5, 3.0}
    assert (weights[:8, :17] == 6).sum() > 60
    assert not weights[:, 17:].any()
    assert set(labels.keypoint_z_weights[:8, :17].unique().tolist()) <= {0.0, 6.0}
    # What is stored stays as it was: a set is shown many times.
    for name, value in before.items():
        assert torch.equal(data[name], value)
