"""The datasets as they are distributed, and how they become COCO format.

Shapes: S keypoints of a dataset, K = 133.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from PIL import Image
from scipy.io import loadmat

from .base import box_around
from .checks import AnnotationError, SkipReport, read_json

FACE = 'face'


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) of an image file, from its header.

    Raises:
        AnnotationError: It is missing or no image.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise AnnotationError(f'image {path} cannot be read ({error})') from None


class CocoWriter:
    """Collects people with their images, and writes them in COCO format.

    Args:
        root: Folder that image names are relative to.
        category: What the people are called.
    """

    def __init__(self, root: Path, category: str = 'person') -> None:
        self.root = root
        self.category = category
        self.images = {}
        self.annotations = []
        self.report = SkipReport(root)

    def add(
        self,
        name: str,
        keypoints: np.ndarray,
        visible: np.ndarray,
        box: Sequence[float] | None = None,
        **extra: Any,
    ) -> None:
        """Adds one person.

        Args:
            name: Image, relative to the root. A broken one is skipped.
            keypoints: (S, 2) pixels.
            visible: (S,) 0, 1 (hidden) or 2.
            box: x, y, w, h. Default: around the points.
            **extra: More fields of the annotation, and ``file_name`` where it
                is not the image's.
        """
        file_name = extra.pop('file_name', name)
        if file_name not in self.images:
            try:
                width, height = image_size(self.root / name)
            except AnnotationError as error:
                self.report.add(name, 'its image is broken', str(error))
                return
            self.images[file_name] = dict(
                id=len(self.images) + 1, file_name=file_name, width=width, height=height
            )
        visible = np.asarray(visible)
        flat = np.column_stack([np.asarray(keypoints, float), visible])
        flat[visible == 0] = 0
        if box is None:
            box = box_around(keypoints, visible)
        self.annotations.append(
            dict(
                id=len(self.annotations) + 1,
                image_id=self.images[file_name]['id'],
                category_id=1,
                iscrowd=0,
                bbox=[round(float(v), 3) for v in box],
                area=round(float(box[2] * box[3]), 3),
                num_keypoints=int((visible > 0).sum()),
                keypoints=flat.round(3).ravel().tolist(),
                **extra,
            )
        )

    def write(self, path: Path) -> dict[Path, int]:
        """Writes the file, and returns {path: number of people}."""
        self.report.warn()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(
                dict(
                    images=list(self.images.values()),
                    annotations=self.annotations,
                    categories=[dict(id=1, name=self.category)],
                )
            )
        )
        return {path: len(self.annotations)}


def convert_aic(root: Path) -> dict[Path, int]:
    """AI Challenger's list of images, each with boxes (corners) and points;
    its 1 is visible, 2 hidden, 3 not in the image."""
    folder = 'ai_challenger_keypoint_train_20170902'
    content = read_json(
        root / folder / 'keypoint_train_annotations_20170902.json', list
    )
    images = root / folder / 'keypoint_train_images_20170902'
    out = CocoWriter(images)
    for entry in content:
        for person, points in entry['keypoint_annotations'].items():
            points = np.reshape(points, (-1, 3))
            x1, y1, x2, y2 = entry['human_annotations'][person]
            out.add(
                f'{entry["image_id"]}.jpg',
                points[:, :2],
                np.array((0, 2, 1, 0))[points[:, 2].astype(int)],
                (x1, y1, x2 - x1, y2 - y1),
            )
    return out.write(root / 'annotations' / 'aic_train.json')


def convert_mpii(root: Path) -> dict[Path, int]:
    """MPII's Matlab file into the list of people that HRNet and mmpose read;
    coordinates stay as they are, from 1."""
    path = next(iter(sorted(root.glob('**/mpii_human_pose_v1_u12_1.mat'))))
    release = loadmat(path, simplify_cells=True)['RELEASE']
    people = []
    for entry, train in zip(
        np.atleast_1d(release['annolist']), np.atleast_1d(release['img_train'])
    ):
        if not train:
            continue
        for person in np.atleast_1d(entry['annorect']):
            points = person.get('annopoints') if isinstance(person, dict) else None
            if not isinstance(points, dict) or not np.size(person.get('scale', ())):
                continue
            joints, visible = np.full((16, 2), -1.0), np.zeros(16, int)
            for point in np.atleast_1d(points['point']):
                joints[point['id']] = point['x'], point['y']
                visible[point['id']] = 1
            people.append(
                dict(
                    image=entry['image']['name'],
                    scale=person['scale'],
                    center=[float(person['objpos'][axis]) for axis in 'xy'],
                    joints=joints.tolist(),
                    joints_vis=visible.tolist(),
                )
            )
    path = root / 'annotations' / 'mpii_train.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(people))
    return {path: len(people)}


def convert_jhmdb(root: Path) -> dict[Path, int]:
    """sub-JHMDB's Matlab points of the training videos of split 1;
    coordinates stay as they are, from 1."""
    out = CocoWriter(root)
    for split in sorted((root / 'sub_splits').glob('*_test_split*1.txt')):
        action = split.name.split('_test_split')[0]
        for line in split.read_text().splitlines():
            video, part = line.split()
            video = video.removesuffix('.avi')
            if part != '1':
                continue
            points = loadmat(
                root / 'joint_positions' / action / video / 'joint_positions.mat'
            )['pos_img']
            for frame in range(points.shape[2]):
                joints = points[:, :, frame].T
                low, high = joints.min(0), joints.max(0)
                # The points end at the joints, the person does not.
                margin = 0.1 * (high - low).max()
                out.add(
                    f'Rename_Images/{action}/{video}/{frame + 1:05d}.png',
                    joints,
                    np.full(len(joints), 2),
                    (*(low - margin), *(high - low + 2 * margin)),
                )
    return out.write(root / 'annotations' / 'Sub1_train.json')


def convert_posetrack18(root: Path) -> dict[Path, int]:
    """PoseTrack18's training files, one a video, as one."""
    out = CocoWriter(root)
    for path in sorted((root / 'annotations' / 'train').glob('*.json')):
        content = read_json(path, keys=('images', 'annotations'))
        names = {image['id']: image['file_name'] for image in content['images']}
        for person in content['annotations']:
            # Many people have a track and no points.
            points = np.reshape(person.get('keypoints', ()), (-1, 3))
            if not points.any():
                continue
            box = person.get('bbox') or box_around(points[:, :2], points[:, 2])
            out.add(
                names[person['image_id']], points[:, :2], 2 * (points[:, 2] > 0), box
            )
    return out.write(root / 'annotations' / 'posetrack18_train.json')


def _add_face(out: CocoWriter, name: str, points: np.ndarray, **extra: Any) -> None:
    """Adds a face with the centre and scale that mmpose's readers want."""
    low, high = points.min(0), points.max(0)
    out.add(
        name,
        points,
        np.full(len(points), 2),
        center=((low + high) / 2).tolist(),
        scale=float(np.ceil((high - low).max()) / 200),
        **extra,
    )


def convert_wflw(root: Path) -> dict[Path, int]:
    """WFLW's text list: 98 points, box, six attributes, image name."""
    path = (
        root
        / 'WFLW_annotations'
        / 'list_98pt_rect_attr_train_test'
        / 'list_98pt_rect_attr_train.txt'
    )
    out = CocoWriter(root / 'WFLW_images', FACE)
    for line in path.read_text().splitlines():
        values = line.split()
        if values:
            _add_face(out, values[-1], np.reshape(values[:196], (98, 2)).astype(float))
    return out.write(root / 'annotations' / 'face_landmarks_wflw_train.json')


def read_pts(path: Path) -> np.ndarray:
    """(68, 2) of a .pts file; from 1 in the file, from 0 here."""
    body = path.read_text().split('{')[1].split('}')[0]
    return np.array(body.split(), float).reshape(-1, 2) - 1


def convert_300w(root: Path) -> dict[Path, int]:
    """300W's training images: AFW and the trainsets of HELEN and LFPW."""
    out = CocoWriter(root / 'images', FACE)
    for folder in ('afw', 'helen/trainset', 'lfpw/trainset'):
        for path in sorted((root / 'images' / folder).glob('*.pts')):
            image = next(
                (
                    path.with_suffix(suffix)
                    for suffix in ('.jpg', '.png')
                    if path.with_suffix(suffix).exists()
                ),
                path.with_suffix('.jpg'),
            )
            _add_face(out, str(image.relative_to(root / 'images')), read_pts(path))
    return out.write(root / 'annotations' / 'face_landmarks_300w_train.json')


def convert_cofw(root: Path) -> dict[Path, int]:
    """COFW's Matlab 7.3 (HDF5) file, which holds the images too."""
    out = CocoWriter(root / 'images', FACE)
    out.root.mkdir(exist_ok=True)
    with h5py.File(root / 'COFW_train_color.mat', 'r') as content:
        images, faces = content['IsTr'], content['phisTr'][()]
        boxes = content['bboxesTr'][()]
        for number in range(faces.shape[1]):
            pixels = content[images[0, number]][()].T
            name = f'{number + 1:06d}.png'
            # Grey pictures are among them.
            pixels = pixels[..., ::-1] if pixels.ndim == 3 else pixels
            cv2.imwrite(str(out.root / name), np.ascontiguousarray(pixels))
            x, y, hidden = faces[:, number].reshape(3, -1)
            out.add(
                name, np.column_stack([x, y]) - 1, 2 - (hidden > 0), boxes[:, number]
            )
    return out.write(root / 'annotations' / 'cofw_train.json')


def convert_lapa(root: Path) -> dict[Path, int]:
    """LaPa's text files, one a face: the number of points, then x y lines."""
    out = CocoWriter(root, FACE)
    for split in ('train', 'val'):
        for path in sorted((root / split / 'landmarks').glob('*.txt')):
            lines = path.read_text().split('\n')[1:]
            points = np.array([line.split() for line in lines if line.strip()], float)
            out.add(f'{split}/images/{path.stem}.jpg', points, np.full(len(points), 2))
    return out.write(root / 'annotations' / 'lapa_trainval.json')


def convert_ubody(root: Path) -> dict[Path, int]:
    """UBody's 2D annotations, without the videos of the intra-scene test
    list and without frames that were not extracted."""
    held_out = set(np.load(root / 'splits' / 'intra_scene_test_list.npy').tolist())
    counts = {}
    for path in sorted((root / 'annotations').glob('*/keypoint_annotation.json')):
        content = read_json(path, keys=('images', 'annotations'))
        scene = path.parent.name
        images = {}
        for image in content['images']:
            name = image['file_name'].lstrip('/')
            video = name.split('/')[-2].split('_Trim')[0]
            image['file_name'] = f'{scene}/{name}'
            if video not in held_out and (root / 'images' / scene / name).is_file():
                images[image['id']] = image
        people = [
            person for person in content['annotations'] if person['image_id'] in images
        ]
        target = path.parent / 'train_annotations.json'
        target.write_text(
            json.dumps(
                dict(
                    images=list(images.values()),
                    annotations=people,
                    categories=[dict(id=1, name='person')],
                )
            )
        )
        counts[target] = len(people)
    return counts


# A camera of DNA-Rendering is used if its 3D points fall on its 2D points
# within this part of the person's size.
REPROJECTION = 0.05


def convert_dna_rendering(root: Path, every: int = 15) -> dict[Path, int]:
    """DNA-Rendering's pairs of SMC files (HDF5) into JPEGs and one ``.npz``.

    ``<main>/X.smc`` holds the images (``Camera_5mp/<camera>/color/<frame>``),
    ``<annotations>/X_annots.smc`` the calibration (``Camera_Parameter/<camera
    of two digits>/{K, D, RT}``, RT from camera to world), ``Keypoints_2D/
    <camera>`` (F, K, 3) and ``Keypoints_3D/keypoints3d`` (F, K, 4) in the
    world, in the order of COCO-WholeBody.

    Args:
        root: data/dna_rendering.
        every: Every so-many-th frame is taken, at 15 a second.

    Returns:
        {path: number of samples}.
    """
    rows = {
        name: []
        for name in ('image', 'size', 'bbox', 'keypoints', 'keypoints_3d', 'camera')
    }
    report = SkipReport(root)
    for path in sorted(root.glob('*_annotations/*_annots.smc')):
        name = path.name.removesuffix('_annots.smc')
        main = next(iter(root.glob(f'*_main/{name}.smc')), None)
        if main is None:
            report.add(path.name, f'no *_main/{name}.smc')
            continue
        with h5py.File(path, 'r') as marks, h5py.File(main, 'r') as images:
            for camera, group in images['Camera_5mp'].items():
                _add_dna_camera(
                    root, name, int(camera), group['color'], marks, every, rows, report
                )
    report.warn()
    target = root / 'annotations' / 'instances.npz'
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        target,
        image=np.array(rows.pop('image'), str),
        **{key: np.array(values, np.float32) for key, values in rows.items()},
    )
    return {target: len(rows['size'])}


def _add_dna_camera(
    root: Path,
    name: str,
    camera: int,
    frames: h5py.Group,
    marks: h5py.File,
    every: int,
    rows: dict[str, list],
    report: SkipReport,
) -> None:
    """Adds the frames of one camera to the rows, and writes their images."""
    view = marks['Camera_Parameter'][f'{camera:02d}']
    matrix, distortion = view['K'][()], view['D'][()].ravel()
    to_camera = np.linalg.inv(view['RT'][()].astype(float))
    flat = marks['Keypoints_2D'][f'{camera:02d}']
    deep = marks['Keypoints_3D']['keypoints3d']
    for frame in range(0, min(len(flat), len(deep), len(frames)), every):
        points, world = flat[frame], deep[frame].astype(float)
        seen = points[:, 2] > 0
        xyz = world[:, :3] @ to_camera[:3, :3].T + to_camera[:3, 3]
        known = seen & (world[:, 3] > 0)
        box = box_around(points[:, :2], seen)
        if not known.any() or not max(box[2:]):
            report.add(f'{name} camera {camera} frame {frame}', 'no points')
            continue
        back = cv2.projectPoints(
            xyz[known], np.zeros(3), np.zeros(3), matrix, distortion
        )[0][:, 0]
        error = np.median(np.linalg.norm(back - points[known, :2], axis=1))
        if error > REPROJECTION * max(box[2:]):
            report.add(
                f'{name} camera {camera} frame {frame}',
                '3D points do not fall on the 2D points',
                f'{error:.0f} pixels',
            )
            continue
        image = f'{name}/{camera:02d}/{frame:06d}.jpg'
        target = root / 'images' / image
        target.parent.mkdir(parents=True, exist_ok=True)
        # The bytes of a JPEG file.
        target.write_bytes(frames[str(frame)][()].tobytes())
        width, height = image_size(target)
        for key, value in dict(
            image=image,
            size=(height, width),
            bbox=box,
            keypoints=points,
            keypoints_3d=np.column_stack([xyz, world[:, 3]]),
            camera=matrix,
        ).items():
            rows[key].append(value)


@dataclass(frozen=True)
class Download:
    """Where a dataset is offered, and which files go where.

    Attributes:
        home: Address that offers it.
        root: Folder below ``data/``.
        files: Patterns below the folder, each needed.
        convert: (root) -> {written file: people}; None for files that are read
            as they are.
        note: What else there is to do.
    """

    home: str
    root: str
    files: tuple[str, ...]
    convert: Callable[..., dict[Path, int]] | None = None
    note: str = ''

    def missing(self, data: str | Path) -> list[str]:
        """The patterns that nothing below ``data/`` matches."""
        return [
            pattern
            for pattern in self.files
            if next(iter((Path(data) / self.root).glob(pattern)), None) is None
        ]


_INTERHAND = 'annotations/train/InterHand2.6M_train_'
DOWNLOADS = {
    'coco-wholebody': Download(
        'https://github.com/jin-s13/COCO-WholeBody and https://cocodataset.org',
        'coco',
        (
            'annotations/coco_wholebody_train_v1.0.json',
            'annotations/coco_wholebody_val_v1.0.json',
            'train2017/*.jpg',
            'val2017/*.jpg',
            'person_detection_results/COCO_val2017_detections_AP_H_56_person.json',
        ),
    ),
    'ubody': Download(
        'https://github.com/IDEA-Research/OSX',
        'ubody',
        (
            'annotations/*/keypoint_annotation.json',
            'splits/intra_scene_test_list.npy',
            'images/*/*/**/*.png',
        ),
        convert_ubody,
        'frames of videos/SCENE/NAME.mp4 go to images/SCENE/NAME/%06d.png: '
        'ffmpeg -i NAME.mp4 -f image2 -r 30 -b:v 5626k NAME/%06d.png',
    ),
    'halpe': Download(
        'https://github.com/Fang-Haoshu/Halpe-FullBody',
        'halpe',
        ('annotations/halpe_train_v1.json', 'hico_20160224_det/images/train2015/*.jpg'),
    ),
    'aic': Download(
        'https://github.com/AIChallenger/AI_Challenger_2017',
        'aic',
        (
            'ai_challenger_keypoint_train_20170902/'
            'keypoint_train_annotations_20170902.json',
            'ai_challenger_keypoint_train_20170902/'
            'keypoint_train_images_20170902/*.jpg',
        ),
        convert_aic,
    ),
    'crowdpose': Download(
        'https://github.com/Jeff-sjtu/CrowdPose',
        'crowdpose',
        (
            'annotations/crowdpose_train.json',
            'annotations/crowdpose_val.json',
            'images/*.jpg',
        ),
    ),
    'mpii': Download(
        'http://human-pose.mpi-inf.mpg.de',
        'mpii',
        ('**/mpii_human_pose_v1_u12_1.mat', 'images/*.jpg'),
        convert_mpii,
    ),
    'jhmdb': Download(
        'http://jhmdb.is.tue.mpg.de',
        'jhmdb',
        (
            'sub_splits/*_test_split*1.txt',
            'joint_positions/*/*/joint_positions.mat',
            'Rename_Images/*/*/*.png',
        ),
        convert_jhmdb,
    ),
    'posetrack18': Download(
        'https://posetrack.net',
        'posetrack18',
        ('annotations/train/*.json', 'images/train/*/*.jpg'),
        convert_posetrack18,
    ),
    'human_art': Download(
        'https://idea-research.github.io/HumanArt',
        'HumanArt',
        ('annotations/training_humanart.json', 'images/**/*.jpg'),
    ),
    'wflw': Download(
        'https://wywu.github.io/projects/LAB/WFLW.html',
        'wflw',
        (
            'WFLW_annotations/list_98pt_rect_attr_train_test/'
            'list_98pt_rect_attr_train.txt',
            'WFLW_images/*/*.jpg',
        ),
        convert_wflw,
    ),
    '300w': Download(
        'https://ibug.doc.ic.ac.uk/resources/300-W',
        '300w',
        (
            'images/afw/*.pts',
            'images/helen/trainset/*.pts',
            'images/lfpw/trainset/*.pts',
        ),
        convert_300w,
    ),
    'cofw': Download(
        'http://www.vision.caltech.edu/xpburgos/ICCV13',
        'cofw',
        ('COFW_train_color.mat',),
        convert_cofw,
    ),
    'lapa': Download(
        'https://github.com/JDAI-CV/lapa-dataset',
        'LaPa',
        (
            'train/landmarks/*.txt',
            'train/images/*.jpg',
            'val/landmarks/*.txt',
            'val/images/*.jpg',
        ),
        convert_lapa,
    ),
    'interhand26m': Download(
        'https://mks0601.github.io/InterHand2.6M',
        'interhand2.6m',
        (
            f'{_INTERHAND}data.json',
            f'{_INTERHAND}camera.json',
            f'{_INTERHAND}joint_3d.json',
            'images/train/**/*.jpg',
        ),
    ),
    'h3wb': Download(
        'https://github.com/wholebody3d/wholebody3d and '
        'http://vision.imar.ro/human3.6m',
        'h36m',
        ('annotation_body3d/h3wb_train_bbox.npz', 'original/*/Images/*/*.jpg'),
        note='images are frames of Human3.6M, original/S1/Images/'
        'ACTION.CAMERA/frame_NNNN.jpg',
    ),
    'ubody3d': Download(
        'https://github.com/IDEA-Research/OSX and https://smpl-x.is.tue.mpg.de'
        ' (the body model)',
        'ubody',
        ('annotations/*/train_3dkeypoint_annotation.json', 'images/*/*/**/*.png'),
        note='made from annotations/SCENE/smplx_annotation.json and the '
        "SMPL-X model by mmpose's tools/dataset_converters/"
        'ubody_smplx_to_coco.py',
    ),
    'dna_rendering': Download(
        'https://dna-rendering.github.io',
        'dna_rendering',
        ('*_main/*.smc', '*_annotations/*_annots.smc'),
        convert_dna_rendering,
    ),
}
