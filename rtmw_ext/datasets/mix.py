"""Many datasets as one, each counted as often as its config says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from .checks import AnnotationError
from .mapping import META_KEYS, TARGET, definition_file
from .samplers import SeededDataset


@DATASETS.register_module()
class WholeBodyMix(SeededDataset, CombinedDataset):
    """mmpose's ``CombinedDataset`` over datasets in the 133 points.

    Args:
        datasets: Configs of datasets by name, see :func:`dataset_configs`. A
            config may give ``share``: how often each of its samples counts an
            epoch. With 0.1 an epoch has a tenth of them, drawn anew each time;
            with 2 each comes twice.
        pipeline: What follows each dataset's own pipeline.
        metainfo: Default: COCO-WholeBody's.
        **kwargs: Of mmpose's ``CombinedDataset``.

    Raises:
        AnnotationError: There is no dataset, or a share is negative.
    """

    # mmpose's inferencer asks the class where the config says nothing.
    METAINFO = dict(from_file=f'configs/_base_/datasets/{TARGET}.py')

    def __init__(
        self,
        datasets: Mapping | Sequence,
        pipeline: Sequence[dict] = (),
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        configs = [dict(config) for config in dataset_configs(datasets)]
        if not configs:
            raise AnnotationError(
                'the mix has no dataset: name at least one '
                'in train_dataloader.dataset.datasets'
            )
        shares = [config.pop('share', 1.0) for config in configs]
        if min(shares) < 0:
            raise AnnotationError(
                f'the shares {shares} of the datasets must not be negative'
            )
        super().__init__(
            metainfo=metainfo or dict(from_file=definition_file(TARGET)),
            datasets=configs,
            pipeline=list(pipeline),
            # Only a mix with shares draws at random.
            sample_ratio_factor=shares if set(shares) != {1.0} else None,
            **kwargs,
        )

    def get_data_info(self, idx: int) -> dict:
        """A sample after its dataset's pipeline; its meta information
        is shared and must not be changed."""
        subset, index = self._get_subset_index(idx)
        sample = self.datasets[subset][index]
        sample.pop('dataset', None)
        sample.update({key: self._metainfo[key] for key in META_KEYS})
        return sample


def dataset_configs(datasets: Mapping | Sequence) -> Iterator[Mapping]:
    """The configs of a mix, in order.

    Args:
        datasets: {name: entry} or entries. An entry is the config of a dataset
            (it has a ``type``), a mix of its own (a dataset of several files),
            or None, which leaves it out.
    """
    if isinstance(datasets, Mapping) and 'type' not in datasets:
        datasets = list(datasets.values())
    if not isinstance(datasets, (list, tuple)):
        yield datasets
        return
    for entry in datasets:
        if entry is not None:
            yield from dataset_configs(entry)
