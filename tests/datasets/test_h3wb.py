"""H3WB: the real schema, splits, bad input; and the drawn people in it."""

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from rtmw_ext.core.geometry import project
from rtmw_ext.core.skeleton import LINKS, PARTS
from rtmw_ext.datasets import H3WBDataset
from rtmw_ext.datasets.checks import AnnotationError
from rtmw_ext.datasets.h3wb import SPLITS, read_npz
from rtmw_ext.synthetic import drawn3d


def load(path, split='mmpose-train', **kwargs):
    return DATASETS.build(
        dict(
            type='H3WBDataset',
            split=split,
            ann_file=str(path),
            pipeline=[],
            data_prefix=dict(img='pictures'),
            **kwargs,
        )
    )


@pytest.fixture
def drawn(tmp_path):
    drawn3d.write_h3wb(
        tmp_path / 'h3wb.npz', tmp_path / 'pictures', 'S1', 3, seed=1, unknown_3d=(2,)
    )
    return tmp_path / 'h3wb.npz'


def test_real_schema(shared):
    path = shared / 'samples' / 'h3wb' / 'h3wb_train_bbox_subset.npz'
    (sample,) = load(path)
    truth = read_npz(path)
    clip = truth['train_data']['S5']['Directions 1']
    assert sample['img_path'] == (
        'pictures/S5/Images/Directions 1.60457274/frame_2190.jpg'
    )
    assert sample['keypoints'].shape == (1, 133, 2)
    assert np.allclose(sample['keypoints'], clip['60457274']['pose_2d'])
    assert np.allclose(
        sample['keypoints_3d'] * 1000, clip['60457274']['camera_3d'], atol=1e-3
    )
    assert sample['keypoints_3d_visible'].all()
    assert sample['bbox'].tolist() == [[346, 180, 523, 581]]
    assert sample['camera_param']['K'][0].tolist() == pytest.approx(
        [1145.5114, 0, 514.9682], abs=1e-3
    )
    assert sample['camera_param']['K'][2].tolist() == [0, 0, 1]
    assert sample['camera_param']['distortion'].shape == (5,)


@pytest.mark.parametrize(
    'split, has',
    [('train', True), ('mmpose-train', True), ('test', False), ('mmpose-val', False)],
)
def test_splits(drawn, split, has):
    if has:
        assert len(load(drawn, split)) == 3
    else:
        with pytest.raises(AnnotationError, match='no subject.*only S1'):
            load(drawn, split)


def test_split_members():
    assert SPLITS['train'] == ('S1', 'S5', 'S6', 'S7')
    assert SPLITS['test'] == ('S8',)
    assert SPLITS['mmpose-train'] == ('S1', 'S5', 'S6')
    assert SPLITS['mmpose-val'] == ('S7',)
    with pytest.raises(AnnotationError, match='split "val"'):
        H3WBDataset('val')


def test_drawn_people_are_exact(drawn):
    """3D projects onto 2D, through the file; pictures are where it says."""
    rows = list(load(drawn))
    for row in rows[:2]:
        pixels = project(row['keypoints_3d'][0], row['camera_param'])
        assert np.abs(pixels - row['keypoints'][0]).max() < 1e-2
        assert row['root_depth'] == pytest.approx(
            row['keypoints_3d'][0, [11, 12], 2].mean(), abs=1e-5
        )
        picture = cv2.imread(str(drawn.parent / row['img_path']))
        assert picture.shape == (320, 320, 3)
        x1, y1, x2, y2 = row['bbox'][0]
        inside = row['keypoints'][0]
        assert (inside >= (x1, y1)).all() and (inside <= (x2, y2)).all()


def test_unknown_3d_is_finite_and_marked(drawn):
    row = load(drawn)[2]
    assert not row['keypoints_3d_visible'].any()
    assert not row['keypoints_3d'].any()
    assert row['keypoints_visible'].all() and 'root_depth' not in row


def test_figure_is_rigid():
    """Poses differ, bones of a hand or a leg keep their length."""
    rng = np.random.default_rng(0)
    flat = [drawn3d.sample_person_3d(rng) for _ in range(5)]
    depth = np.ptp(np.stack(flat)[..., 2], axis=0)
    assert depth[[9, 10, 15, 16]].min() > 0.1
    for points in flat:
        assert np.abs(points[[11, 12]].mean(0)).max() < 1e-9
        face = points[list(PARTS['face'])]
        assert face[:, 2].min() < points[[3, 4], 2].min()
        lengths = [
            np.linalg.norm(points[a] - points[b])
            for a, b in LINKS['body']
            if min(a, b) >= 11
        ]
        assert 0.15 < min(lengths) and max(lengths) < 0.45


def edit(drawn, change):
    content = read_npz(drawn)
    change(content)
    np.savez(
        drawn,
        **{name: np.array(value, dtype=object) for name, value in content.items()},
    )
    return drawn


def test_no_box_means_the_points(drawn):
    edit(drawn, lambda content: content.pop('bbox'))
    row = load(drawn)[0]
    points = row['keypoints'][0]
    assert row['bbox'][0] == pytest.approx(np.r_[points.min(0), points.max(0)])


@pytest.mark.parametrize(
    'change, text',
    [
        (lambda c: c['metadata']['S1'].pop('0'), "camera 0 has no '0'"),
        (lambda c: c['metadata']['S1']['0'].pop('K'), "has no 'K'"),
        (
            lambda c: c['train_data']['S1']['drawn']['0'].pop('camera_3d'),
            "has no 'camera_3d'",
        ),
        (
            lambda c: c['train_data']['S1']['drawn'].update(frame_id=np.arange(2)),
            'for 2 frames',
        ),
        (lambda c: c.pop('train_data'), 'no subject.*only none'),
    ],
)
def test_bad_files_are_named(drawn, change, text):
    with pytest.raises(AnnotationError, match=f'h3wb.npz.*{text}'):
        load(edit(drawn, change))


def test_missing_or_cut_off(drawn, tmp_path):
    with pytest.raises(AnnotationError, match='none.npz does not exist'):
        load(tmp_path / 'none.npz')
    drawn.write_bytes(drawn.read_bytes()[:3000])
    with pytest.raises(AnnotationError, match='cut off'):
        load(drawn)


class Bomb:
    def __reduce__(self):
        return print, ('code of the file ran',)


def test_code_in_the_file_is_refused(drawn, capsys):
    np.savez(drawn, train_data=np.array({'S1': Bomb()}, dtype=object))
    with pytest.raises(AnnotationError, match='print'):
        load(drawn)
    assert 'ran' not in capsys.readouterr().out
