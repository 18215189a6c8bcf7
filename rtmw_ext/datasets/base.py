"""The base of our datasets: checked, cached, and read from COCO format.

Shapes: S keypoints of the dataset.
"""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from .checks import (
    HOW_TO_GET,
    NO_PERSON,
    AnnotationError,
    Categories,
    SkipReport,
    counts,
    find_box_problem,
    find_problem,
    identity,
    missing,
    name_of,
    read_json,
    to_number,
    to_numbers,
)
from .coco import (
    PERSON,
    Numbers,
    categories_of,
    image_rows,
    join,
    measured,
    read_coco,
    tidy,
)
from .mapping import META_KEYS, definition
from .sample_cache import CachedSamples, cached
from .truth import FILE, Truth

#: The category that detectors give people, where the annotations have another.
DETECTED = 1


@DATASETS.register_module()
class KeypointDataset(BaseCocoStyleDataset):
    """A dataset in COCO format, whatever its points.

    Adds to mmpose's: files as people's tools write them are read (``coco.py``);
    for training a row that cannot be used is skipped with a warning (one a
    file) instead of failing in a worker, and the samples are kept as
    memory-mapped arrays (``sample_cache.py``), so that a later start does not
    read the annotations again and workers share them. For evaluation such a row
    is an error, and metrics get the people that were read (``truth.py``).

    Arguments are those of mmpose's ``BaseCocoStyleDataset``. Of these,
    ``ann_file`` may be a pattern (``*``) of several files, ``metainfo`` may be
    ``dict(from_file='.../aic.py')`` for points that mmpose defines, and
    ``sample_interval=N`` uses only every N-th image.

    Raises:
        AnnotationError: A file is missing, is no JSON (cut off, say), is not in
            COCO format, or has no usable sample; for evaluation, if a row cannot
            be used.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._truth is not None:
            # mmpose has just named the file itself.
            self._truth.announce()

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        metainfo = metainfo or cls.METAINFO
        if 'from_file' in metainfo:
            path = Path(metainfo['from_file'])
            if path.is_file():
                return parse_pose_metainfo(metainfo)
            # mmpose finds it in its own folder too, but with a warning.
            metainfo = path.stem
        return dict(definition(metainfo))

    #: Of an evaluation.
    _truth: Truth | None = None

    #: What to do where the annotation file is absent.
    how_to_get = HOW_TO_GET

    @property
    def annotation_files(self) -> list[Path]:
        """The files that ``ann_file`` names, a path or a pattern
        such as ``annotations/*/train.json``.

        Raises:
            AnnotationError: There is none.
        """
        names = [self.ann_file]
        if glob.has_magic(self.ann_file) and not Path(self.ann_file).is_file():
            # Only the part that the config gives is a pattern.
            root = self.data_root or ''
            pattern = self.ann_file.removeprefix(root).lstrip('/') if root else names[0]
            names = sorted(
                str(Path(root) / name)
                for name in glob.glob(pattern, root_dir=root or None)
            )
        if not names or not Path(names[0]).is_file():
            raise AnnotationError(missing(self.ann_file, self.how_to_get))
        return list(map(Path, names))

    @property
    def truth_file(self) -> str:
        """The people of an evaluation in COCO format, as the dataset has them."""
        self.full_init()
        return self._truth.files[FILE]

    @property
    def files(self) -> list[Path]:
        """All files that the samples come from."""
        return self.annotation_files

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """(name, number of values) of the lists that every annotation needs."""
        return (('keypoints', 3 * self.metainfo['num_keypoints']),)

    def read(self, path: Path) -> Iterator[tuple[Any, dict | None]]:
        """Yields (annotation, image) of a file: annotations as they stand there,
        images as of ``image_rows``, None where there is no such image."""
        content = read_coco(path, annotations=not self.bbox_file)
        self._categories = categories_of(path, content['categories'])
        self._images = image_rows(
            path,
            content['images'],
            self._report,
            self.image_path,
            self._image_numbers,
        )
        left_out = set(list(self._images)) - set(
            list(self._images)[:: self.sample_interval]
        )
        self.image_list += [
            image for key, image in self._images.items() if key not in left_out
        ]
        for annotation in content['annotations']:
            key = None
            if isinstance(annotation, dict):
                key = identity(annotation.get('image_id'))
            if key not in left_out:
                yield annotation, self._images.get(key)  # type: ignore[arg-type]

    def image_path(self, name: str) -> str:
        """Path of an image that the annotations name."""
        return join(self.data_prefix['img'], name)

    def find_problem(
        self, annotation: dict, image: dict | None
    ) -> tuple[str, str] | None:
        """What makes an annotation unusable, as (kind, detail), or None."""
        return find_problem(annotation, image, self.fields, self._categories)

    def samples(self) -> Iterator[dict]:
        """Yields the usable samples, and warns of the others.

        Raises:
            AnnotationError: For evaluation, if there are others.
        """
        empty = True
        self.image_list: list[dict] = []
        self._categories = Categories()
        self._images: dict = {}
        self._image_numbers, numbers = Numbers(), Numbers()
        skipped = False
        for path in self.annotation_files:
            self._report = SkipReport(path)
            for row, (annotation, image) in enumerate(self.read(path)):
                name = name_of(annotation, row)
                problem = self.find_problem(annotation, image)
                sample = None
                if problem is None:
                    number = numbers(identity(annotation.get('id')))
                    try:
                        sample = self.sample(annotation, image, number)
                    except (LookupError, TypeError, ValueError, AttributeError) as bad:
                        problem = 'it is not in the format of this dataset', repr(bad)
                if problem is not None:
                    self._report.add(name, *problem, grave=counts(annotation, problem))
                elif sample is not None:
                    empty = False
                    yield sample
            self._report.close(self.test_mode)
            skipped |= bool(self._report.problems)
        if empty and not self.bbox_file:
            raise AnnotationError(
                f'annotation file {self.ann_file} has no usable person'
                + (': see the warning above' if skipped else '')
            )

    def sample(self, annotation: dict, image: dict, number: int) -> dict | None:
        """A sound annotation -> a sample, by mmpose's ``parse_data_info``."""
        annotation = tidy(annotation, image, number, self.fields)
        if not self.test_mode or 'segmentation' not in annotation:
            # Long, and copied by mmpose.
            annotation['segmentation'] = []
        sample = self.parse_data_info(
            dict(raw_ann_info=annotation, raw_img_info=measured(image))
        )
        if sample is None:
            return None
        # Some of mmpose's datasets join the name themselves.
        sample['img_path'] = image['img_path']
        if 'height' in image:
            sample['ann_shape'] = image['height'], image['width']
        elif not self.test_mode:
            sample['ann_shape'] = 0, 0
        if self._truth is not None:
            self._truth.add(annotation, sample)
        return sample

    def load_data_list(self) -> list[dict]:
        """For evaluation; called by mmpose."""
        self._truth = Truth(self) if self.test_mode else None
        return super().load_data_list()

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        instances = list(self.samples())
        if self.data_mode == 'bottomup':
            # mmpose groups neighbours.
            instances.sort(key=lambda sample: sample['img_id'])
        self._metainfo['CLASSES'] = [PERSON]
        return instances, self.image_list

    def _load_detection_results(self) -> list[dict]:
        self._load_annotations()
        return list(self.detections())

    def detections(self) -> Iterator[dict]:
        """Yields the samples of ``bbox_file``, a list of boxes of people as
        detectors write it: ``image_id``, ``bbox`` (x, y, w, h), ``score`` and
        ``category_id``."""
        if not Path(self.bbox_file).is_file():
            raise AnnotationError(
                f'bbox_file {self.bbox_file} does not exist: put the boxes there, or '
                'leave it out to evaluate on the annotated boxes'
            )
        rows = read_json(self.bbox_file, list)
        report = SkipReport(self.bbox_file)
        people = {*(self._categories.people or ()), DETECTED, None}
        listed = {image['id'] for image in self.image_list}
        count = self.metainfo['num_keypoints']
        for number, row in enumerate(rows):
            name = f'number {number}'
            if not isinstance(row, dict):
                report.add(name, 'it is no object of names and values')
                continue
            image = self._images.get(identity(row.get('image_id')))
            score = to_number(row.get('score'))
            problem = find_box_problem(row.get('bbox'))
            if identity(row.get('category_id')) not in people:
                report.add(name, NO_PERSON, f'category_id {row["category_id"]}')
            elif image is None:
                report.add(name, 'its image is not listed', str(row.get('image_id')))
            elif problem is not None:
                report.add(name, *problem)
            elif score is None or not np.isfinite(score):
                report.add(name, 'its "score" is no number', str(row.get('score')))
            elif image['id'] in listed:
                x, y, w, h = to_numbers(row['bbox'])
                yield dict(
                    img_id=image['id'],
                    img_path=image['img_path'],
                    bbox=np.array([[x, y, x + w, y + h]], np.float32),
                    bbox_score=np.array([score], np.float32),
                    keypoints=np.zeros((1, count, 2), np.float32),
                    keypoints_visible=np.ones((1, count), np.float32),
                    category_id=PERSON['id'],
                    id=number,
                )
        report.warn()

    def filter_data(self) -> list[dict]:
        """mmpose's, which drops boxes of low scores.

        Raises:
            AnnotationError: Nothing is left to evaluate.
        """
        rows = super().filter_data()
        if not rows:
            raise AnnotationError(
                f'bbox_file {self.bbox_file} has no box to evaluate in the images '
                f'of {self.ann_file}: see the warnings above'
                if self.bbox_file
                else self.nobody()
            )
        return rows

    def nobody(self) -> str:
        """The error text for a file without anybody to learn from or to score."""
        return (
            f'annotation file {self.ann_file} has only crowds and people without '
            'keypoints: label some, or give another file'
        )

    def full_init(self) -> None:
        if self._fully_initialized:
            return
        if self.test_mode or self.data_mode != 'topdown':
            super().full_init()
            if self._truth is not None:
                self._truth.write()
            return
        self.data_list = cached(self.files, self.settings(), self.usable)
        if self._indices is not None:
            self.data_list = self.data_list.subset(self._indices)
        self.serialize_data = False
        self._fully_initialized = True

    def usable(self) -> Iterator[dict]:
        """Yields the samples to train with. mmpose's own filter drops crowds
        and people without points; that is no defect and needs no warning."""
        count = 0
        for sample in self.samples():
            if self._is_valid_instance(sample):
                count += 1
                yield sample
        if not count:
            raise AnnotationError(self.nobody())

    def settings(self) -> dict:
        """What decides the samples besides the files."""
        return dict(
            type=type(self).__qualname__,
            module=type(self).__module__,
            prefix=self.data_prefix,
            interval=self.sample_interval,
            points=self.metainfo['num_keypoints'],
        )

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """A sample. Its arrays are its own, its meta information is
        shared and must not be changed."""
        if not isinstance(self.data_list, CachedSamples):
            return super().get_data_info(idx)
        sample = self.data_list[idx]
        sample['sample_idx'] = idx % len(self)
        sample['dataset_name'] = self._metainfo['dataset_name']
        sample['skeleton_links'] = self._metainfo['skeleton_links']
        sample.update({key: self._metainfo[key] for key in META_KEYS})
        return sample


def box_around(keypoints: np.ndarray, visible: np.ndarray) -> list[float]:
    """x, y, w, h around the visible points.

    Args:
        keypoints: (S, 2) pixels.
        visible: (S,), > 0 where the point counts.

    Returns:
        x, y, w, h in pixels; four zeros where no point is visible.
    """
    seen = np.asarray(keypoints, float)[np.asarray(visible) > 0]
    if not len(seen):
        return [0.0] * 4
    low, high = seen.min(0), seen.max(0)
    return [*low.tolist(), *(high - low).tolist()]
