"""The base of our datasets: checked, cached, and read from COCO format.

Shapes: S keypoints of the dataset.
"""

import glob
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.dataset import force_full_init
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from .checks import (
    HOW_TO_GET,
    AnnotationError,
    SkipReport,
    find_problem,
    missing,
    read_json,
)
from .mapping import META_KEYS, definition
from .sample_cache import CachedSamples, cached

# Names of the categories we want, as the datasets have them.
PEOPLE = ('person', 'face', 'hand')


@DATASETS.register_module()
class KeypointDataset(BaseCocoStyleDataset):
    """A dataset in COCO format, whatever its points.

    Adds to mmpose's: a sample that cannot be used is skipped with a warning
    (one a file) instead of failing in a worker; for training the samples are
    kept as memory-mapped arrays (see ``sample_cache.py``), so that a later
    start does not read the annotations again and workers share them. For
    evaluation the file is read every time, since metrics need all of it.

    Arguments are those of mmpose's ``BaseCocoStyleDataset``. Of these,
    ``ann_file`` may be a pattern (``*``) of several files, ``metainfo`` may be
    ``dict(from_file='.../aic.py')`` for points that mmpose defines, and
    ``sample_interval=N`` uses only every N-th image.

    Raises:
        AnnotationError: The annotation file is missing, is no JSON (cut off,
            say), is not in COCO format, or has no usable sample.
    """

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
        if glob.has_magic(self.ann_file):
            names = sorted(glob.glob(self.ann_file))
        if not names or not Path(names[0]).is_file():
            raise AnnotationError(missing(self.ann_file, self.how_to_get))
        return list(map(Path, names))

    @property
    def files(self) -> list[Path]:
        """All files that the samples come from."""
        return self.annotation_files

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        """(name, number of values) of the lists that every annotation needs."""
        return (('keypoints', 3 * self.metainfo['num_keypoints']),)

    def read(self, path: Path) -> Iterator[tuple[dict, dict | None]]:
        """Yields (annotation, image) of a file: COCO's entries, which the
        caller may change; the image is None where it is not listed."""
        content = read_json(path, keys=('images', 'annotations'))
        if 'categories' in content:
            self._metainfo['CLASSES'] = content['categories']
        images = {}
        for number, image in enumerate(content['images']):
            if number % self.sample_interval == 0:
                image['img_id'] = image['id']
                image['img_path'] = self.image_path(image['file_name'])
                images[image['id']] = image
            else:
                images[image['id']] = False
        self.image_list += [image for image in images.values() if image]
        for annotation in content['annotations']:
            image = images.get(annotation.get('image_id'))
            if image is not False:
                yield annotation, image

    def image_path(self, name: str) -> str:
        """Path of an image that the annotations name."""
        return str(Path(self.data_prefix['img']) / name)

    def person_categories(self) -> set[int] | None:
        """The ids of the categories that we want, None for all."""
        classes = self._metainfo.get('CLASSES')
        return classes and {row['id'] for row in classes if row.get('name') in PEOPLE}

    def find_problem(
        self, annotation: dict, image: dict | None
    ) -> tuple[str, str] | None:
        """What makes an annotation unusable, as (kind, detail), or None."""
        return find_problem(annotation, image, self.fields, self.person_categories())

    def samples(self) -> Iterator[dict]:
        """Yields the usable samples and warns of the others."""
        empty = True
        self.image_list = []
        reports = []
        for path in self.annotation_files:
            reports.append(SkipReport(path))
            for number, (annotation, image) in enumerate(self.read(path)):
                problem = self.find_problem(annotation, image)
                if problem:
                    reports[-1].add(annotation.get('id', f'number {number}'), *problem)
                    continue
                sample = self.sample(annotation, image)
                if sample is not None:
                    empty = False
                    yield sample
            reports[-1].warn()
        if empty:
            raise AnnotationError(
                f'annotation file {self.ann_file} has no usable person'
                + (
                    ': see the warning above'
                    if any(report.problems for report in reports)
                    else ''
                )
            )

    def sample(self, annotation: dict, image: dict) -> dict | None:
        """A sound annotation -> a sample, by mmpose's ``parse_data_info``."""
        annotation.setdefault('iscrowd', 0)
        annotation.setdefault('category_id', 1)
        annotation.setdefault('num_keypoints', 1)
        if not self.test_mode or 'segmentation' not in annotation:
            # Long, and copied by mmpose.
            annotation['segmentation'] = []
        sample = self.parse_data_info(dict(raw_ann_info=annotation, raw_img_info=image))
        if sample is not None and 'height' in image:
            sample['ann_shape'] = image['height'], image['width']
        return sample

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """For evaluation; called by mmpose."""
        instances = list(self.samples())
        return instances, self.image_list

    def full_init(self) -> None:
        if self._fully_initialized:
            return
        if self.test_mode or self.data_mode != 'topdown':
            super().full_init()
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
            raise AnnotationError(
                f'annotation file {self.ann_file} has only '
                'crowds and people without keypoints'
            )

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
