"""Tiny copies of every dataset on disk, in the format of its owner.

Point i of person p lies at ``point(i, p)``, so that a test can tell after any
conversion and mapping whether it is still where it was.
"""

import json

import cv2
import h5py
import numpy as np
from scipy.io import savemat

from rtmw_ext.datasets.wholebody import PARTS

WIDTH, HEIGHT = 160, 120
FOCAL = 200.0


def points(count, person=0):
    """(count, 2) pixels in the image, no two alike."""
    index = np.arange(count)
    return np.column_stack(
        [20.0 + index % 17 * 7 + person, 15.0 + index * 0.7 + 2 * person]
    )


def depth(count):
    """(count,) metres, no two alike."""
    return 3 + np.arange(count) / 400


def flat(values, visible=2):
    """x, y, v lists as COCO writes them."""
    return np.column_stack([values, np.full(len(values), visible)]).ravel().tolist()


def image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (WIDTH, HEIGHT))
    assert cv2.imwrite(str(path), pixels)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def box(values):
    low, high = values.min(0), values.max(0)
    return [*low.tolist(), *(high - low).tolist()]


def coco(path, images, people, names=('person',)):
    write(
        path,
        dict(
            images=[
                dict(id=number + 1, file_name=name, width=WIDTH, height=HEIGHT)
                for number, name in enumerate(images)
            ],
            annotations=[
                dict(
                    dict(
                        id=number + 1,
                        image_id=number + 1,
                        category_id=1,
                        iscrowd=0,
                        area=1000.0,
                        num_keypoints=9,
                    ),
                    **person,
                )
                for number, person in enumerate(people)
            ],
            categories=[
                dict(id=number + 1, name=name) for number, name in enumerate(names)
            ],
        ),
    )


def wholebody_fields(person=0):
    fields, start = {}, 0
    values = points(133, person)
    for name, count in PARTS:
        fields[name] = flat(values[start : start + count // 3])
        start += count // 3
    return dict(fields, bbox=box(values))


def coco_wholebody(root):
    root = root / 'coco'
    for split in ('train', 'val'):
        image(root / f'{split}2017/1.jpg')
        coco(
            root / f'annotations/coco_wholebody_{split}_v1.0.json',
            ['1.jpg'],
            [wholebody_fields()],
        )
    write(
        root / 'person_detection_results/COCO_val2017_detections_AP_H_56_person.json',
        [],
    )


def ubody(root):
    root = root / 'ubody'
    (root / 'splits').mkdir(parents=True, exist_ok=True)
    np.save(root / 'splits/intra_scene_test_list.npy', np.array(['Held_S1']))
    for scene in ('Speech', 'Fitness'):
        names = [
            f'/{scene}_S1_Trim1/{scene}_S1_Trim1/000001.png',
            '/Held_S1_Trim1/Held_S1_Trim1/000001.png',
        ]
        for name in names:
            image(root / f'images/{scene}{name}')
        coco(
            root / f'annotations/{scene}/keypoint_annotation.json',
            names,
            [wholebody_fields(), wholebody_fields()],
        )


def ubody3d(root):
    """What mmpose's converter writes from the owner's SMPL-X parameters."""
    ubody(root)
    root = root / 'ubody'
    values, z = points(137), (depth(137) - 3 + 1) / 2 * 16
    spread = np.column_stack([values, z, np.ones(137)])
    for scene in ('Speech', 'Fitness'):
        coco(
            root / f'annotations/{scene}/train_3dkeypoint_annotation.json',
            [f'{scene}/{scene}_S1_Trim1/{scene}_S1_Trim1/000001.png'],
            [
                dict(
                    keypoints=np.delete(spread, 2, 1).tolist(),
                    keypoints_3d=spread.tolist(),
                    bbox=box(values),
                    camera_param=dict(focal=[FOCAL, FOCAL], princpt=[80, 60]),
                )
            ],
        )


def halpe(root):
    root = root / 'halpe'
    image(root / 'hico_20160224_det/images/train2015/1.jpg')
    coco(
        root / 'annotations/halpe_train_v1.json',
        ['1.jpg'],
        [dict(keypoints=flat(points(136)), bbox=box(points(136)))],
    )


def aic(root):
    folder = root / 'aic/ai_challenger_keypoint_train_20170902'
    image(folder / 'keypoint_train_images_20170902/ab.jpg')
    x, y, w, h = box(points(14))
    # 1 visible, 2 hidden, 3 outside.
    visible = [1] * 12 + [2, 3]
    write(
        folder / 'keypoint_train_annotations_20170902.json',
        [
            dict(
                image_id='ab',
                url='',
                human_annotations=dict(human1=[x, y, x + w, y + h]),
                keypoint_annotations=dict(
                    human1=np.column_stack([points(14), visible]).ravel().tolist()
                ),
            )
        ],
    )


def crowdpose(root):
    root = root / 'crowdpose'
    image(root / 'images/1.jpg')
    for split in ('train', 'val'):
        coco(
            root / f'annotations/crowdpose_{split}.json',
            ['1.jpg'],
            [dict(keypoints=flat(points(14)), bbox=box(points(14)))],
        )


def mpii(root):
    root = root / 'mpii'
    image(root / 'images/1.jpg')

    def person(values):
        return dict(
            scale=0.5,
            objpos=dict(x=81.0, y=61.0),
            annopoints=dict(
                point=[
                    dict(id=number, x=x + 1, y=y + 1, is_visible=1)
                    for number, (x, y) in enumerate(values)
                ]
            ),
        )

    release = dict(
        annolist=[
            dict(image=dict(name='1.jpg'), annorect=person(points(16))),
            dict(image=dict(name='2.jpg'), annorect=[]),
        ],
        img_train=[1, 0],
    )
    folder = root / 'mpii_human_pose_v1_u12_2'
    folder.mkdir()
    savemat(folder / 'mpii_human_pose_v1_u12_1.mat', dict(RELEASE=release))


def jhmdb(root):
    root = root / 'jhmdb'
    (root / 'sub_splits').mkdir(parents=True)
    (root / 'sub_splits/catch_test_split_1.txt').write_text('a.avi 1\nb.avi 2\n')
    for video in 'ab':
        for frame in (1, 2):
            image(root / f'Rename_Images/catch/{video}/{frame:05d}.png')
        folder = root / f'joint_positions/catch/{video}'
        folder.mkdir(parents=True)
        values = (points(15) + 1).T
        savemat(
            folder / 'joint_positions.mat', dict(pos_img=np.stack([values, values], 2))
        )


def posetrack18(root):
    root = root / 'posetrack18'
    name = 'images/train/000001_bonn_train/000001.jpg'
    image(root / name)
    write(
        root / 'annotations/train/000001_bonn_train.json',
        dict(
            images=[dict(id=10000010001, file_name=name, is_labeled=True)],
            annotations=[
                dict(
                    id=1,
                    image_id=10000010001,
                    track_id=0,
                    keypoints=flat(points(17), 1),
                    bbox=box(points(17)),
                ),
                dict(id=2, image_id=10000010001, track_id=1, keypoints=[]),
            ],
            categories=[dict(id=1, name='person')],
        ),
    )


def human_art(root):
    image(root / 'HumanArt/images/real_human/1.jpg')
    values = points(21)
    coco(
        root / 'HumanArt/annotations/training_humanart.json',
        ['HumanArt/images/real_human/1.jpg'],
        [
            dict(
                keypoints=flat(values[:17]), keypoints_21=flat(values), bbox=box(values)
            )
        ],
    )


def wflw(root):
    root = root / 'wflw'
    image(root / 'WFLW_images/0--Parade/1.jpg')
    folder = root / 'WFLW_annotations/list_98pt_rect_attr_train_test'
    folder.mkdir(parents=True)
    values = points(98)
    (folder / 'list_98pt_rect_attr_train.txt').write_text(
        ' '.join(
            [f'{v:.6f}' for v in values.ravel()]
            + ['10'] * 4
            + ['0'] * 6
            + ['0--Parade/1.jpg']
        )
        + '\n'
    )


def face_300w(root):
    root = root / '300w/images'
    for folder, suffix in (
        ('afw', 'jpg'),
        ('helen/trainset', 'jpg'),
        ('lfpw/trainset', 'png'),
    ):
        image(root / folder / f'1.{suffix}')
        lines = '\n'.join(f'{x} {y}' for x, y in points(68) + 1)
        (root / folder / '1.pts').write_text(
            f'version: 1\nn_points: 68\n{{\n{lines}\n}}\n'
        )


def cofw(root):
    root = root / 'cofw'
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    x, y = (points(29) + 1).T
    with h5py.File(root / 'COFW_train_color.mat', 'w') as file:
        stored = file.create_dataset('#refs#/a', data=pixels.T)
        grey = file.create_dataset('#refs#/b', data=pixels[..., 0].T)
        refs = file.create_dataset('IsTr', (1, 2), h5py.ref_dtype)
        refs[0, 0], refs[0, 1] = stored.ref, grey.ref
        file['phisTr'] = np.tile(np.concatenate([x, y, np.zeros(29)])[:, None], 2)
        file['bboxesTr'] = np.tile(np.array(box(points(29)))[:, None], 2)


def lapa(root):
    root = root / 'LaPa'
    for split in ('train', 'val'):
        image(root / split / 'images/1.jpg')
        (root / split / 'landmarks').mkdir()
        (root / split / 'landmarks/1.txt').write_text(
            '106\n' + '\n'.join(f'{x} {y}' for x, y in points(106))
        )


def interhand26m(root):
    root = root / 'interhand2.6m'
    image(root / 'images/train/Capture0/cam400002/image1.jpg')
    values, z = points(42), depth(42) * 1000
    world = np.column_stack([(values - (80, 60)) / FOCAL * z[:, None], z])
    folder = root / 'annotations/train'
    write(
        folder / 'InterHand2.6M_train_data.json',
        dict(
            images=[
                dict(
                    id=1,
                    file_name='Capture0/cam400002/image1.jpg',
                    width=WIDTH,
                    height=HEIGHT,
                    capture=0,
                    subject=0,
                    seq_name='ROM',
                    camera='400002',
                    frame_idx=1,
                )
            ],
            annotations=[
                dict(
                    id=1,
                    image_id=1,
                    bbox=box(values),
                    joint_valid=[[1]] * 42,
                    hand_type='interacting',
                    hand_type_valid=1,
                )
            ],
        ),
    )
    camera = dict(
        campos=[0.0, 0, 0],
        camrot=np.eye(3).tolist(),
        focal=[FOCAL, FOCAL],
        princpt=[80.0, 60],
    )
    write(
        folder / 'InterHand2.6M_train_camera.json',
        {'0': {key: {'400002': value} for key, value in camera.items()}},
    )
    write(
        folder / 'InterHand2.6M_train_joint_3d.json',
        {
            '0': {
                '1': dict(
                    world_coord=world.tolist(),
                    joint_valid=[[True]] * 42,
                    hand_type='interacting',
                    hand_type_valid=True,
                )
            }
        },
    )


def h3wb(root):
    root = root / 'h36m'
    image(root / 'original/S1/Images/Walking.54138969/frame_0007.jpg')
    values, z = points(133), depth(133)
    xyz = np.column_stack([(values - (80, 60)) / FOCAL * z[:, None], z])
    clip = {
        'frame_id': np.array(['0007']),
        'global_3d': xyz[None],
        '54138969': dict(pose_2d=values[None], camera_3d=xyz[None] * 1000),
    }
    matrix = np.array([[[FOCAL, 0, 80], [0, FOCAL, 60], [0, 0, 1000]]]) / 1000
    (root / 'annotation_body3d').mkdir(parents=True)
    np.savez(
        root / 'annotation_body3d/h3wb_train_bbox.npz',
        train_data={'S1': {'Walking': clip}},
        metadata={'S1': {'54138969': dict(K=matrix, Distortion=np.zeros((1, 5)))}},
    )


def dna_rendering(root):
    root = root / 'dna_rendering'
    for folder in ('part1_main', 'part1_annotations'):
        (root / folder).mkdir(parents=True)
    to_world = np.eye(4)
    to_world[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    to_world[:3, 3] = 1, 2, 3
    values, z = points(133), depth(133)
    xyz = np.column_stack([(values - (80, 60)) / FOCAL * z[:, None], z])
    world = xyz @ to_world[:3, :3].T + to_world[:3, 3]
    ones = np.ones((133, 1))
    with h5py.File(root / 'part1_main/0001_01.smc', 'w') as file:
        pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        for frame in range(2):
            file[f'Camera_5mp/3/color/{frame}'] = cv2.imencode('.jpg', pixels)[
                1
            ].ravel()
    with h5py.File(root / 'part1_annotations/0001_01_annots.smc', 'w') as file:
        view = file.create_group('Camera_Parameter/03')
        view['K'] = np.array([[FOCAL, 0, 80], [0, FOCAL, 60], [0, 0, 1]])
        view['D'], view['RT'] = np.zeros(5), to_world
        file['Keypoints_2D/03'] = np.stack([np.hstack([values, ones])] * 2)
        file['Keypoints_3D/keypoints3d'] = np.stack([np.hstack([world, ones])] * 2)


MAKERS = {
    'coco-wholebody': coco_wholebody,
    'ubody': ubody,
    'halpe': halpe,
    'aic': aic,
    'crowdpose': crowdpose,
    'mpii': mpii,
    'jhmdb': jhmdb,
    'posetrack18': posetrack18,
    'human_art': human_art,
    'wflw': wflw,
    '300w': face_300w,
    'cofw': cofw,
    'lapa': lapa,
    'interhand26m': interhand26m,
    'h3wb': h3wb,
    'ubody3d': ubody3d,
    'dna_rendering': dna_rendering,
}


def source_points(mapping):
    """(S, 2) where the points of a dataset lie."""
    return points(133 if mapping is None else mapping.num_source)
