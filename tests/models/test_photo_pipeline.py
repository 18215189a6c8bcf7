"""What happens to people in photos happens to their labels too."""

import cv2
import numpy as np
import torch

from rtmw_ext.models import PhotoPipeline
from rtmw_ext.models.photo_pipeline import (
    composite,
    compress_jpeg,
    draw_silhouettes,
    motion_blur,
    occlude,
    paste_person,
    reduce_resolution,
    truncate,
)


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
    both = draw_silhouettes(data, torch.arange(2), 48)[:, 0]
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


def test_composite_leaves_the_rest():
    data = people(2)
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., :30, :] = 1
    changed = composite(data, torch.tensor([1]), torch.zeros(1, 3, 96, 96), mask)
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


def test_reduced_resolution_keeps_places_and_loses_detail():
    torch.manual_seed(0)
    image = torch.rand(2, 3, 128, 96) * 255
    image[..., 40:60, 30:50] = 255
    out = reduce_resolution(image)
    assert out.shape == image.shape and out.std() < 0.7 * image.std()
    inside = out[..., 45:55, 35:45].mean()
    assert inside > out[..., 100:, 60:].mean() + 60


def test_compress_jpeg_is_what_jpeg_does():
    """As near to the picture as OpenCV's JPEG of such a quality, and with its
    blocks: nothing beyond the block of a spot changes."""
    torch.manual_seed(0)
    smooth = torch.from_numpy(
        cv2.GaussianBlur(
            np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.float32),
            (0, 0),
            4,
        )
        * 1.5
        - 60
    ).permute(2, 0, 1)[None]
    near = (compress_jpeg(smooth) - smooth).abs().mean()
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
    plain = compress_jpeg(spot)
    spot[..., 10, 10] = 255
    off = (compress_jpeg(spot) - compress_jpeg(spot.clone())).abs().amax(1)[0]
    assert (plain - 128).abs().max() < 40
    changed = (compress_jpeg(spot) - spot).abs().amax(1)[0] > 45
    changed[8:16, 8:16] = False
    assert not changed.any() and off.shape == (32, 32)


def test_parts_may_lie_beside_the_middle():
    """With room, a part's place varies by more than a fixed share of its box,
    and it stays in the crop."""
    off = {}
    data = people(64)
    data['keypoints'][:, 91:112] = torch.tensor([48.0, 48]) + 4 * torch.rand(21, 2)
    data['keypoints_visible'][:, 91:112] = 1
    for room in (0.0, 0.6):
        module = PhotoPipeline(
            codec=dict(type='SimCC3DLabel', input_size=(64, 64, 64)),
            mean=[0.0, 0.0, 0.0],
            std=[1.0, 1.0, 1.0],
            part_prob=1.0,
            part_scale=(4.0, 4.0),
            part_room=room,
        )
        boxes, roots, _ = module.draw_boxes(data)
        assert (roots == 91).all()
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        side = (boxes[:, 2] - boxes[:, 0])[:, None]
        off[room] = ((middle - 50) / side).abs()
        hands = data['keypoints'][:, 91:112]
        assert ((hands > boxes[:, None, :2]) & (hands < boxes[:, None, 2:])).all()
    assert off[0.0].max() < 0.13 and 0.2 < off[0.6].max() < 0.35


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
