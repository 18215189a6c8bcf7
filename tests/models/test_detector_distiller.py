"""A detector that learns from another one where photos have no boxes."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.models import detector_distiller
from rtmw_ext.models.detector_distiller import flatten_heads
from rtmw_ext.runtime.detector import decode_heads
from support.paths import CONFIGS

CONFIG = CONFIGS / 'photos' / 'rtmdet-nano_photos-320.py'
SIDE = 64


def one_person(image):
    """Heads of a teacher who sees one person in the middle of the image."""
    heads = []
    for stride in (8, 16, 32):
        cells = SIDE // stride
        head = np.zeros((1, cells, cells, 5), np.float32)
        head[..., 0] = -9
        y, x = np.mgrid[:cells, :cells] * stride
        inside = (abs(x - 32) < 10) & (abs(y - 32) < 20)
        head[0, ..., 0][inside] = 3
        for number, side in enumerate((x - 16, y - 8, 48 - x, 56 - y), 1):
            head[0, ..., number] = side
        heads.append(head)
    return heads


@pytest.fixture
def detector(monkeypatch):
    monkeypatch.setattr(detector_distiller, 'load_teacher', lambda path: one_person)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(Config.fromfile(CONFIG).model)


def samples(count, labelled=(), nobody=()):
    found = []
    for number in range(count):
        sample = DetDataSample(
            metainfo=dict(
                img_shape=(SIDE, SIDE),
                pad_shape=(SIDE, SIDE),
                batch_input_shape=(SIDE, SIDE),
                nobody=number in nobody,
            )
        )
        box = torch.tensor([[8.0, 8, 40, 56]] * (number in labelled))
        sample.gt_instances = InstanceData(
            bboxes=box.reshape(-1, 4), labels=torch.zeros(len(box), dtype=torch.long)
        )
        sample.ignored_instances = InstanceData(
            bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long()
        )
        found.append(sample)
    return found


def test_photos_learn_from_the_teacher_and_scenes_from_their_boxes(detector):
    inputs = torch.randn(3, 3, SIDE, SIDE)
    both = detector.loss(inputs, samples(3, labelled=[1]))
    photos = detector.loss(inputs, samples(3))
    scenes = detector.loss(inputs, samples(3, labelled=[0, 1, 2]))

    def total(losses, name):
        value = losses[name]
        return float(sum(value) if isinstance(value, list) else value)

    for name in ('loss_teacher_cls', 'loss_teacher_bbox'):
        assert total(both, name) > 0 and total(photos, name) > 0
        assert total(scenes, name) == 0
    for name in ('loss_cls', 'loss_bbox'):
        assert total(both, name) > 0 and total(scenes, name) > 0
        assert total(photos, name) == 0


def test_nobody_is_there_whatever_the_teacher_says(detector):
    inputs = torch.randn(1, 3, SIDE, SIDE)
    losses = detector.loss(inputs, samples(1, nobody=[0]))
    assert float(losses['loss_teacher_cls']) == 0
    optimizer = torch.optim.SGD(detector.parameters(), 0.1)
    optimizer.zero_grad()
    sum(losses['loss_cls']).backward()
    before = torch.cat(
        [
            level.flatten()
            for level in detector.bbox_head(detector.extract_feat(inputs))[0]
        ]
    )
    optimizer.step()
    after = torch.cat(
        [
            level.flatten()
            for level in detector.bbox_head(detector.extract_feat(inputs))[0]
        ]
    )
    assert after.mean() < before.mean()


def test_boxes_inside_out_are_worse_than_none(detector):
    logits, wanted = torch.full((1, 1), 9.0), torch.tensor([[[16.0, 8, 48, 56]]])
    centre = wanted.unflatten(2, (2, 2)).mean(2).repeat(1, 1, 2)
    losses = []
    # From the teacher's box over a point to boxes further and further inside out.
    for factor in (1, 0, -1, -2, -50):
        boxes = (centre + factor * (wanted - centre)).requires_grad_()
        loss = detector.distillation_loss(logits, boxes, logits, wanted)
        losses.append(loss['loss_teacher_bbox'].item())
        loss['loss_teacher_bbox'].backward()
        assert factor == 1 or (boxes.grad != 0).any()
    assert losses == sorted(losses) and losses[0] == pytest.approx(0, abs=1e-4)


def test_it_comes_to_find_what_the_teacher_finds(detector):
    inputs = torch.randn(2, 3, SIDE, SIDE)
    optimizer = torch.optim.Adam(detector.parameters(), 2e-3)
    first = None
    for _ in range(80):
        losses = detector.loss(inputs, samples(2))
        loss = losses['loss_teacher_cls'] + losses['loss_teacher_bbox']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first = first or loss.item()
    assert loss.item() < 0.25 * first
    scores, distances = detector.bbox_head(detector.extract_feat(inputs))
    logits, boxes = flatten_heads(scores, distances, [8, 16, 32])
    box = boxes[0, logits[0].argmax()]
    assert (box - torch.tensor([16.0, 8, 48, 56])).abs().max() < 8


def test_flatten_heads_is_how_the_runtime_reads_heads():
    heads = one_person(None)
    boxes, scores, _ = decode_heads(heads, (SIDE, SIDE), 0.5)
    logits, ours = flatten_heads(
        *(
            [torch.from_numpy(head[..., part]).permute(0, 3, 1, 2) for head in heads]
            for part in (slice(1), slice(1, 5))
        ),
        [8, 16, 32],
    )
    sure = logits[0] > 0
    assert np.allclose(ours[0, sure].numpy(), boxes)
    assert np.allclose(logits[0, sure].sigmoid().numpy(), scores)


def test_only_photos_of_the_split(tmp_path):
    for name in ('a/1.jpg', 'b/2.jpg', 'b/3.png'):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / 'photos/notes.txt').write_text('')
    (tmp_path / 'train.json').write_text(
        json.dumps(dict(images=[dict(source='b/3.png'), dict(source='a/1.jpg')]))
    )

    def names(**options):
        data = DATASETS.build(
            dict(
                type='mmpose.UnlabelledPhotos',
                data_root=str(tmp_path / 'photos'),
                **options,
            )
        )
        return [
            data.get_data_info(number)['img_path'].split('photos/')[1]
            for number in range(len(data))
        ]

    assert names(pipeline=[]) == ['a/1.jpg', 'b/2.jpg', 'b/3.png']
    assert names(pipeline=[], only=str(tmp_path / 'train.json')) == [
        'a/1.jpg',
        'b/3.png',
    ]
    for nobody in (True, False):
        with DefaultScope.overwrite_default_scope('mmdet'):
            data = DATASETS.build(
                dict(
                    type='mmpose.UnlabelledPhotos',
                    data_root=str(tmp_path / 'photos'),
                    nobody=nobody,
                    pipeline=Config.fromfile(CONFIG).train_pipeline,
                )
            )
            assert data[0]['data_samples'].nobody is nobody
    (tmp_path / 'empty').mkdir()
    with pytest.raises(AnnotationError, match='no photos'):
        DATASETS.build(
            dict(
                type='mmpose.UnlabelledPhotos',
                pipeline=[],
                data_root=str(tmp_path / 'empty'),
            )
        )
