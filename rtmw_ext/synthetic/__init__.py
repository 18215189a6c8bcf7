"""Synthetic whole-body data with exact keypoints: drawn figures for demos and
tests, and rendered people with 2D and 3D truth for training.

The people need the packages of requirements/synthetic.txt, when the first of
them is made.
"""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)

from .dataset import SyntheticWholeBodyDataset, WholeBody3DDataset

__all__ = ['SyntheticWholeBodyDataset', 'WholeBody3DDataset']
