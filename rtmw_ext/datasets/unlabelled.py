"""Photos without boxes, for a detector that learns from a teacher."""

from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmpose.registry import DATASETS

from ..core.images import SUFFIXES
from .checks import AnnotationError, read_json


def find_photos(folder: str | Path) -> list[Path]:
    """The image files below a folder and its subfolders, sorted."""
    return sorted(
        path for path in Path(folder).rglob('*') if path.suffix.lower() in SUFFIXES
    )


@DATASETS.register_module()
class UnlabelledPhotos(BaseDetDataset):
    """The photos below a folder, as a detection dataset of images without
    boxes.

    Args:
        data_root: The folder.
        only: A file of annotations: only photos that its images name as
            ``source`` are used, so that those of other splits are not seen in
            training. None uses all.
        nobody: Nobody is in the photos: a detector has nothing to find there,
            whatever its teacher says.
        **kwargs: Of mmdet's ``BaseDetDataset``.

    Raises:
        AnnotationError: There is no such photo, or ``only`` cannot be read.
    """

    METAINFO = dict(classes=('person',), palette=[(220, 20, 60)])

    def __init__(
        self,
        data_root: str,
        only: str | None = None,
        nobody: bool = False,
        **kwargs: Any,
    ) -> None:
        self.only, self.nobody = only, nobody
        super().__init__(
            data_root=data_root, filter_cfg=dict(filter_empty_gt=False), **kwargs
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """One dict a photo, without instances; its size is read with it."""
        root = Path(self.data_root)
        if self.only:
            images = read_json(self.only, keys=('images',))['images']
            paths = [root / name for name in sorted({row['source'] for row in images})]
        else:
            paths = find_photos(root)
        if not paths:
            raise AnnotationError(f'{root} holds no photos: give a folder of photos')
        return [
            dict(
                img_path=str(path),
                img_id=number,
                instances=[],
                height=None,
                width=None,
                nobody=self.nobody,
            )
            for number, path in enumerate(paths)
        ]

    def filter_data(self) -> list[dict[str, Any]]:
        """All photos: mmdet would drop those without boxes."""
        return self.data_list
