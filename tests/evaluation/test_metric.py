"""AP by part."""

import numpy as np
import pytest
from mmpose.registry import DATASETS, METRICS

PARTS = dict(body=(0, 17), foot=(17, 23), face=(23, 91), hand=(91, 133))


def evaluate(drawn_root, spoil):
    dataset = DATASETS.build(
        dict(
            type='WholeBodyDataset',
            data_root=str(drawn_root),
            ann_file='annotations/val.json',
            data_prefix=dict(img='images/val/'),
            pipeline=[],
            test_mode=True,
        )
    )
    metric = METRICS.build(dict(type='WholeBodyMetric'))
    metric.dataset_meta = dataset.metainfo
    for row in dataset:
        points = row['keypoints'].astype(float)
        points[:, spoil] += 1000
        metric.process(
            [],
            [
                dict(
                    id=row['id'],
                    img_id=row['img_id'],
                    category_id=1,
                    raw_ann_info=row['raw_ann_info'],
                    ori_shape=(320, 320),
                    pred_instances=dict(
                        keypoints=points, keypoint_scores=np.ones(points.shape[:2])
                    ),
                    gt_instances=dict(bbox_scores=np.ones(1), bboxes=row['bbox']),
                )
            ],
        )
    return metric.evaluate(len(dataset))


def test_truth_scores_one(drawn_root):
    result = evaluate(drawn_root, slice(0, 0))
    assert result['coco-wholebody/AP'] == pytest.approx(1)
    for part in PARTS:
        assert result[f'coco-wholebody/{part}/AP'] == pytest.approx(1)


@pytest.mark.parametrize('spoilt', PARTS)
def test_a_spoilt_part_scores_nothing(drawn_root, spoilt):
    result = evaluate(drawn_root, slice(*PARTS[spoilt]))
    for part in PARTS:
        assert result[f'coco-wholebody/{part}/AP'] == pytest.approx(
            float(part != spoilt), abs=1e-9
        )
    # Six of 133 points hardly move the whole-body OKS.
    assert spoilt == 'foot' or result['coco-wholebody/AP'] < 1
