"""What metrics compare with: the people that a dataset has read.

mmpose's metrics read the annotation file again, and would take its rows as they
stand there. They get a file of the people as the samples have them instead, in COCO
format.

Shapes: S keypoints of the dataset, K = 133 of COCO-WholeBody.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mmengine.logging import MessageHub

from ..core.skeleton import FIELDS, NUM_KEYPOINTS
from .coco import PERSON
from .mapping import Mapping, WholeBodyKeypointMapping
from .sample_cache import annotation_cache

if TYPE_CHECKING:
    from .base import KeypointDataset

#: What mmpose's metrics ask the message hub for, after a dataset's name.
FILE = '_ann_file'
#: What ``WholeBodyMetric`` asks for: the same people with the K points.
WHOLE_BODY_FILE = '_wholebody_file'


class Truth:
    """Collects the people of a dataset, and writes them for metrics.

    Args:
        dataset: In test mode.
    """

    def __init__(self, dataset: 'KeypointDataset') -> None:
        self.dataset = dataset
        self.people: list[tuple[dict, dict]] = []
        self.files: dict[str, str] = {}

    def add(self, annotation: dict, sample: dict) -> None:
        """Adds a person: an annotation of ``coco.tidy``, and its sample."""
        self.people.append((annotation, sample))

    def write(self) -> None:
        """Writes the files, and tells metrics of them."""
        dataset = self.dataset
        self.files[FILE] = write(self.content(None))
        mappings = [
            step.mapping
            for step in dataset.pipeline.transforms
            if isinstance(step, WholeBodyKeypointMapping)
        ]
        if mappings:
            self.files[WHOLE_BODY_FILE] = write(self.content(mappings[0]))
        elif dataset.metainfo['num_keypoints'] == NUM_KEYPOINTS:
            self.files[WHOLE_BODY_FILE] = self.files[FILE]
        self.people.clear()
        self.announce()

    def announce(self) -> None:
        """Tells metrics of the files."""
        name = self.dataset.metainfo['dataset_name']
        MessageHub.get_current_instance().update_info_dict(
            {f'{name}{key}': self.files.get(key) for key in (FILE, WHOLE_BODY_FILE)}
        )

    def content(self, mapping: Mapping | None) -> dict:
        """The people in COCO format.

        Args:
            mapping: To the K points; None leaves the S points.
        """
        images, scored = self.chosen()
        annotations = []
        for row, sample in self.people:
            if row['image_id'] not in images:
                continue
            points, visible = sample['keypoints'], sample['keypoints_visible']
            if mapping is not None:
                points, visible = map(mapping.to_target, (points, visible))
            annotations.append(
                dict(
                    fields_of(points[0], visible[0]),
                    # From 1: COCO's evaluation takes 0 for nobody.
                    id=len(annotations) + 1,
                    image_id=row['image_id'],
                    category_id=PERSON['id'],
                    bbox=row['bbox'],
                    area=row['area'],
                    iscrowd=int(
                        row['iscrowd'] or scored is not None and row['id'] not in scored
                    ),
                    num_keypoints=row['num_keypoints'],
                )
            )
        return dict(
            images=[
                {
                    name: image[name]
                    for name in ('id', 'file_name', 'width', 'height', 'crowdIndex')
                    if name in image
                }
                for image in images.values()
            ],
            annotations=annotations,
            categories=[PERSON],
        )

    def chosen(self) -> tuple[dict[int, dict], set[int] | None]:
        """The images by id, and the ids of the people who count (None: all),
        where ``indices`` of the dataset leave out some."""
        dataset = self.dataset
        images = {image['id']: image for image in dataset.image_list}
        if dataset._indices is None:
            return images, None
        rows = [dataset.get_data_info(number) for number in range(len(dataset))]
        images = {row['img_id']: images[row['img_id']] for row in rows}
        by_person = not dataset.bbox_file and dataset.data_mode == 'topdown'
        return images, {row['id'] for row in rows} if by_person else None


def fields_of(points: np.ndarray, visible: np.ndarray) -> dict[str, list[float]]:
    """The lists of an annotation.

    Args:
        points: (S, 2) pixels.
        visible: (S,), > 0 where the point is labelled.

    Returns:
        x, y, 2 of each point, 0 where it is not labelled: all in ``keypoints``,
        or, for the K points, in the fields of COCO-WholeBody.
    """
    flags = np.where(visible > 0, 2, 0)
    values = np.column_stack([points, flags]).astype(float)
    if len(values) != NUM_KEYPOINTS:
        return dict(keypoints=values.ravel().tolist())
    return {name: values[part].ravel().tolist() for name, part in FIELDS.items()}


def write(content: dict) -> str:
    """Writes a file that is named by its content, in the annotation cache, else
    in the folder of temporary files.

    Returns:
        Its path.
    """
    text = json.dumps(content).encode()
    name = hashlib.sha256(text).hexdigest()[:32] + '.json'
    for folder in (annotation_cache() / 'truth', Path(tempfile.gettempdir())):
        path = folder / name
        try:
            if not path.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                # Renamed when whole: other processes write the same.
                partial = folder / f'.{name}.{os.getpid()}'
                partial.write_bytes(text)
                partial.replace(path)
        except OSError as error:
            problem = error
        else:
            return str(path)
    raise problem
