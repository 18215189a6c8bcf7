"""Randomness that depends on the seed and on the position in a run alone.

MMEngine seeds its processes and lets their generators run on, so that a
resumed run, or one with another number of workers or GPUs, draws other
augmentations. Here every sample and every step is seeded by where it stands:
nothing need be saved, and a run that was killed goes on as if it had not been.
"""

import contextlib
import itertools
import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmpose.registry import DATA_SAMPLERS


def position_seed(*position: int) -> int:
    """A seed for a position in a run.

    Args:
        position: Seed of the run, epoch and number of the sample, say; each
            >= 0.

    Returns:
        In [0, 2^32).
    """
    return int(np.random.SeedSequence(position).generate_state(1)[0])


def seed_all(seed: int) -> None:
    """Seeds Python's, numpy's and torch's generators."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, the CPU's generators are seeded; after it they go on as if
    nothing had been drawn."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


class SeededIndex(int):
    """Index of a sample with the seed of its augmentation."""

    seed: int

    def __new__(cls, index: int, seed: int) -> 'SeededIndex':
        seeded_index = super().__new__(cls, index)
        seeded_index.seed = seed
        return seeded_index

    def __getnewargs__(self) -> tuple[int, int]:
        return int(self), self.seed


class SeededDataset:
    """Mix-in of a dataset: what a sample draws depends on its :class:`SeededIndex`;
    a plain index draws as ever."""

    def __getitem__(self, index: int) -> dict:
        if not isinstance(index, SeededIndex):
            return super().__getitem__(index)
        with seeded(index.seed):
            return super().__getitem__(int(index))


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's sampler of epochs, giving :class:`SeededIndex`, that can begin an
    epoch in its middle."""

    start = 0

    def skip(self, num_samples: int) -> None:
        """The next epoch begins after so many samples of this process."""
        self.start = num_samples

    def __iter__(self) -> Iterator[SeededIndex]:
        indices = enumerate(super().__iter__())
        start, self.start = self.start, 0
        for number, index in itertools.islice(indices, start, None):
            position = number * self.world_size + self.rank
            yield SeededIndex(index, position_seed(self.seed, self.epoch, position))


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """MMEngine's endless sampler, giving :class:`SeededIndex`."""

    def _indices_of_rank(self) -> Iterator[SeededIndex]:
        for number, index in enumerate(super()._indices_of_rank()):
            position = number * self.world_size + self.rank
            yield SeededIndex(index, position_seed(self.seed, position))
