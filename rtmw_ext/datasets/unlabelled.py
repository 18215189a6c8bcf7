"""Photos without boxes, for a detector that learns from a teacher."""

import json
from pathlib import Path

from mmdet.datasets import BaseDetDataset
from mmpose.registry import DATASETS

from ..core.images import SUFFIXES
from .checks import AnnotationError


@DATASETS.register_module()
class UnlabelledPhotos(BaseDetDataset):
    """The photos below a folder, as a detection dataset of images without
    boxes.

    Args:
        data_root (str): The folder.
        only (str, optional): A file of annotations: only photos that its
            images name as ``source`` are used, so that those of other splits
            are not seen in training.
        kwargs: Of mmdet's ``BaseDetDataset``.

    Raises:
        AnnotationError: There is no such photo.
    """

    METAINFO = dict(classes=('person',), palette=[(220, 20, 60)])

    def __init__(self, data_root, only=None, **kwargs):
        self.only = only
        super().__init__(
            data_root=data_root, filter_cfg=dict(filter_empty_gt=False), **kwargs
        )

    def load_data_list(self):
        root = Path(self.data_root)
        if self.only:
            names = sorted(
                {
                    image['source']
                    for image in json.loads(Path(self.only).read_text())['images']
                }
            )
            paths = [root / name for name in names]
        else:
            paths = sorted(
                path for path in root.rglob('*') if path.suffix.lower() in SUFFIXES
            )
        if not paths:
            raise AnnotationError(f'{root} holds no photos')
        return [
            dict(
                img_path=str(path), img_id=number, instances=[], height=None, width=None
            )
            for number, path in enumerate(paths)
        ]

    def filter_data(self):
        return self.data_list
