"""Augmentation and labels on the device agree with the sample-wise ones."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.codecs import FastSimCCLabel, SimCC3DLabel
from rtmw_ext.core.skeleton import PARTS, ROOTS, TILTS, UPRIGHT
from rtmw_ext.models import BatchPipeline
from rtmw_ext.models.data_preprocessor import (
    blur,
    depth_labels,
    drop_rectangle,
    plane_labels,
    truncated_normal,
    warp,
)
from support.examples import examples

CODEC = dict(
    type='FastSimCCLabel',
    input_size=(64, 96),
    sigma=(4.9, 5.66),
    simcc_split_ratio=2.0,
    normalize=False,
)
FLIP = [0, 2, 1, 3]
NAMES = ['nose', 'left', 'right', 'toe']
METAINFO = dict(
    dataset_name='four',
    keypoint_info={
        number: dict(
            name=name,
            id=number,
            color=[0, 0, 0],
            type='upper' if number < 2 else 'lower',
            swap=NAMES[FLIP[number]],
        )
        for number, name in enumerate(NAMES)
    },
    skeleton_info={},
    joint_weights=[1.0] * 4,
    sigmas=[0.1] * 4,
)
PLAIN = dict(
    shift_factor=0.0,
    scale_factor=(1.0, 1.0),
    rotate_factor=0.0,
    half_body_prob=0.0,
    colour=0.0,
    dropout_prob=0.0,
)


def pipeline(**changes):
    return BatchPipeline(
        codec=CODEC,
        metainfo=METAINFO,
        bgr_to_rgb=True,
        mean=[0.0, 0.0, 0.0],
        std=[1.0, 1.0, 1.0],
        **{**PLAIN, **changes},
    )


def crops(count=16, side=128):
    """Crops that are white at point 0 and black elsewhere."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0.4 * side, 0.6 * side, (count, 4, 2)).round()
    images = np.zeros((count, side, side, 3), np.uint8)
    for image, person in zip(images, points.astype(int)):
        x, y = person[0]
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    boxes = np.tile([0.1 * side, 0.1 * side, 0.9 * side, 0.9 * side], (count, 1))
    data = dict(
        crops=images,
        bboxes=boxes,
        keypoints=points,
        keypoints_visible=np.ones((count, 4)),
    )
    return {
        name: torch.from_numpy(value).float()
        if name != 'crops'
        else torch.from_numpy(value)
        for name, value in data.items()
    }


@pytest.mark.parametrize(
    'changes',
    [
        {},
        dict(rotate_factor=90.0),
        dict(scale_factor=(0.5, 1.5)),
        dict(shift_factor=0.16),
        dict(half_body_prob=1.0),
    ],
)
def test_labels_follow_the_pixels(changes):
    """The white spot is where the labels of point 0 say."""
    out = pipeline(**changes)(crops(), training=True)
    (sample,) = out['data_samples']
    labels = sample.gt_instance_labels
    seen = 0
    for image, x, y in zip(
        out['inputs'], labels.keypoint_x_labels, labels.keypoint_y_labels
    ):
        mass = image.sum(0)
        if mass.sum() < 255 or x[0].max() < 1 or y[0].max() < 1:
            continue  # Outside the crop.
        rows, columns = (mass.sum(axis) / mass.sum() for axis in (1, 0))
        assert abs((rows * torch.arange(96)).sum() - y[0].argmax() / 2) < 0.6
        assert abs((columns * torch.arange(64)).sum() - x[0].argmax() / 2) < 0.6
        seen += 1
    assert seen >= 8


@pytest.mark.parametrize('scale', [(1.6, 4.8), (1.2, 2.0)])
def test_crops_of_parts(scale):
    """Every crop is of a face or a hand, right ones mirrored, whose root is
    where z begins; no crop is of a hidden one."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    count, side = 60, 128
    points = rng.uniform(30, 98, (count, 133, 2))
    for part, (x, y) in zip(ROOTS, [(64, 20), (20, 90), (108, 90)]):
        chosen = list(PARTS[part])
        points[:, chosen] = (x, y) + rng.uniform(-8, 8, (count, len(chosen), 2))
    z = rng.normal(0, 0.3, (count, 133))
    data = dict(
        crops=np.zeros((count, side, side, 3), np.uint8),
        bboxes=np.tile([8.0, 8, 120, 120], (count, 1)),
        keypoints=points,
        keypoints_visible=np.ones((count, 133)),
        keypoints_3d=np.dstack([points, z]),
        keypoints_3d_visible=np.ones((count, 133)),
    )
    data = {
        name: torch.from_numpy(value).to(
            torch.uint8 if name == 'crops' else torch.float32
        )
        for name, value in data.items()
    }
    module = BatchPipeline(
        codec=dict(type='SimCC3DLabel', input_size=(192, 256, 192)),
        mean=[0.0, 0.0, 0.0],
        std=[1.0, 1.0, 1.0],
        part_prob=1.0,
        part_scale=scale,
        **PLAIN,
    )
    # Fewer than a quarter of its points are seen.
    data['keypoints_visible'][:5, PARTS['right_hand'][5:]] = 0.5
    data['keypoints_visible'][:5, PARTS['left_hand'][5:]] = 0.5
    data['keypoints_visible'][5:10, PARTS['face'][10:]] = 0.5
    (labels,) = module(data, training=True)['data_samples']
    labels = labels.gt_instance_labels
    seen, near, off_by = [], [], []
    for row, (x, y) in enumerate(
        zip(labels.keypoint_x_labels, labels.keypoint_y_labels)
    ):
        wide = {
            part: max(
                np.ptp(axis[list(PARTS[part])].argmax(1).numpy()) for axis in (x, y)
            )
            / 2
            for part in ROOTS
            if (labels.keypoint_weights[row, list(PARTS[part])] > 0).all()
            and (x[list(PARTS[part])].amax(1) == 1).all()
        }
        assert len(wide) == 1
        ((part, width),) = wide.items()
        # 1 / 1.25 of the input, over so many sides, of a turned square.
        least, most = scale
        assert 192 / 1.25 / (most + 0.1) / 1.42 < width
        assert width < 192 / 1.25 / (least - 0.05) * 1.42
        start, stop = UPRIGHT[part]
        right, down = (
            (axis[stop].argmax() - axis[start].argmax()).item() for axis in (x, y)
        )
        if max(abs(right), abs(down)) > 20:
            off = np.degrees(np.arctan2(right, -down))
            assert abs(off) < TILTS[part] + 3
            off_by.append(off)
        near.append(width > 192 / 1.25 / (least * most) ** 0.5)
        bins = labels.keypoint_z_labels[row].argmax(1)
        known = labels.keypoint_z_weights[row] > 0
        root = ROOTS[part]
        # Points outside have no z; the wrist is in its hand.
        if known[root]:
            assert bins[root] == 192
        seen.append(part)
    assert seen[:5] == ['face'] * 5 and seen[5:10] == ['left_hand'] * 5
    assert seen[10:].count('face') > 8 and seen[10:].count('left_hand') > 16
    assert 'right_hand' not in seen
    assert any(near) and not all(near)
    assert max(off_by) > 10 and min(off_by) < -10


def test_a_mirrored_crop_swaps_left_and_right():
    data = crops(64)
    out = pipeline()(data, training=True)
    x = out['data_samples'][0].gt_instance_labels.keypoint_x_labels
    bins = x.argmax(2).float()
    width = 0.8 * 128 * 1.25 / 64  # Pixels of the crop in one of the input.
    scale = max(width, 0.8 * 128 * 1.25 / 96)
    straight = (data['keypoints'][..., 0] - 64) / scale + 32
    mirrored = 63 - straight[:, FLIP]
    is_straight = (bins - straight * 2).abs().amax(1) <= 1
    is_mirrored = (bins - mirrored * 2).abs().amax(1) <= 1
    assert (is_straight | is_mirrored).all()
    assert 10 < is_mirrored.sum() < 54


@given(st.integers(0, 10**6))
@examples(25)
def test_labels_equal_the_codecs(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-30, 130, (3, 133, 2)).astype(np.float32)
    visible = rng.integers(0, 2, (3, 133)).astype(np.float32)
    codec = FastSimCCLabel(**{k: v for k, v in CODEC.items() if k != 'type'})
    ours = plane_labels(codec, torch.from_numpy(points), torch.from_numpy(visible))
    for name, expected in codec.encode(points, visible).items():
        assert np.abs(ours[name].numpy() - expected).max() < 1e-5, name

    codec = SimCC3DLabel(input_size=(64, 96, 64))
    points_3d = rng.normal(0, 1.2, (3, 133, 3)).astype(np.float32)
    known = rng.integers(0, 2, (3, 133)).astype(np.float32)
    expected = codec.encode(points, visible, points_3d, known)
    ours = plane_labels(codec, torch.from_numpy(points), torch.from_numpy(visible))
    # In double: a z between two bins must round as the codec rounds it.
    ours.update(
        depth_labels(
            codec,
            torch.from_numpy(points_3d[..., 2]).double(),
            torch.from_numpy(known) > 0,
            ours['keypoint_weights'] < torch.from_numpy(visible),
        )
    )
    assert set(ours) == set(expected)
    for name in expected:
        assert np.abs(ours[name].numpy() - expected[name]).max() < 1e-5, name


def test_warp_equals_opencv():
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(
        rng.integers(0, 256, (90, 90, 3)).astype(np.float32), (0, 0), 2
    )
    matrix = np.array([[1.3, 0.4, -9], [-0.4, 1.3, 20], [0, 0, 1]])
    expected = cv2.warpAffine(
        image, matrix[:2], (64, 48), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    ours = warp(
        torch.from_numpy(image).permute(2, 0, 1)[None],
        torch.from_numpy(matrix).float()[None],
        (64, 48),
    )
    # OpenCV rounds positions to 1/32 pixel.
    assert (ours[0].permute(1, 2, 0).numpy() - expected).__abs__().mean() < 1


def test_drawn_numbers():
    torch.manual_seed(0)
    from scipy.stats import kstest, truncnorm

    drawn = truncated_normal(5000, 1, device='cpu')[:, 0].numpy()
    assert kstest(drawn, truncnorm(-1, 1).cdf).pvalue > 0.01


def test_colour_changes_leave_the_geometry():
    torch.manual_seed(0)
    images = torch.zeros(8, 3, 32, 32)
    images[:, :, 8:16, 8:16] = 200
    out = pipeline(colour=1.0).recolour(images)
    assert (out - images).abs().mean() > 1
    inside = out[:, :, 8:16, 8:16].mean((1, 2, 3))
    assert (inside > out[:, :, 20:, 20:].mean((1, 2, 3)) + 20).all()


def test_blur_keeps_the_mean():
    torch.manual_seed(0)
    images = torch.rand(4, 3, 40, 40)
    out = blur(images)
    assert torch.allclose(out.mean((2, 3)), images.mean((2, 3)), atol=0.02)
    assert (out.std((2, 3)) < images.std((2, 3))).all()


def test_one_rectangle_is_dropped():
    out = drop_rectangle(torch.ones(50, 3, 60, 40), prob=1.0)
    for image in out:
        rows, columns = np.nonzero(image[0].numpy() == 0)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width
        assert 11 <= height <= 25 and 7 <= width <= 17
    assert (drop_rectangle(torch.ones(9, 3, 60, 40), prob=0.0) == 1).all()


def test_places_are_exact_in_mixed_precision():
    """Augmentation is the same inside the autocast of a training step."""
    outs = []
    for lower in (False, True):
        torch.manual_seed(0)
        with torch.autocast('cpu', torch.bfloat16, enabled=lower):
            outs.append(
                pipeline(rotate_factor=60.0, colour=1.0)(crops(), training=True)
            )
    inputs, labels = zip(
        *(
            (out['inputs'], out['data_samples'][0].gt_instance_labels.keypoint_x_labels)
            for out in outs
        )
    )
    assert torch.equal(*inputs) and torch.equal(*labels)


def test_evaluation_batches_go_through_mmpose():
    from mmpose.structures import PoseDataSample

    image = torch.randint(0, 255, (3, 96, 64), dtype=torch.uint8)
    sample = PoseDataSample()
    out = pipeline()(dict(inputs=[image], data_samples=[sample]))
    assert torch.equal(out['inputs'][0], image.flip(0).float())
    with pytest.raises(ValueError, match='only trains'):
        pipeline()(crops())
