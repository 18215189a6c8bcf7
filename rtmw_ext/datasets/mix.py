"""Many datasets as one, each counted as often as its config says."""

from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from .checks import AnnotationError
from .mapping import META_KEYS, TARGET, definition_file
from .samplers import SeededSamples


@DATASETS.register_module()
class WholeBodyMix(SeededSamples, CombinedDataset):
    """mmpose's ``CombinedDataset`` over datasets in the 133 points.

    Args:
        datasets (list): Configs of datasets, or lists of them (a dataset of
            several files). A config may give ``share``: how often each of its
            samples counts an epoch. With 0.1 an epoch has a tenth of them,
            drawn anew each time; with 2 each comes twice.
        pipeline (list): What follows each dataset's own pipeline.
        metainfo (dict, optional): Default: COCO-WholeBody's.
        **kwargs: Of mmpose's ``CombinedDataset``.

    Raises:
        AnnotationError: There is no dataset, or a share is negative.
    """

    # mmpose's inferencer asks the class where the config says nothing.
    METAINFO = dict(from_file=f'configs/_base_/datasets/{TARGET}.py')

    def __init__(self, datasets, pipeline=[], metainfo=None, **kwargs):
        configs = [dict(config) for config in _flat(datasets)]
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
            pipeline=pipeline,
            # Only a mix with shares draws at random.
            sample_ratio_factor=shares if set(shares) != {1.0} else None,
            **kwargs,
        )

    def get_data_info(self, idx):
        """dict: A sample after its dataset's pipeline; its meta information
        is shared and must not be changed."""
        subset, index = self._get_subset_index(idx)
        sample = self.datasets[subset][index]
        sample.pop('dataset', None)
        sample.update({key: self._metainfo[key] for key in META_KEYS})
        return sample


def _flat(datasets):
    for entry in datasets:
        if isinstance(entry, (list, tuple)):
            yield from _flat(entry)
        else:
            yield entry
