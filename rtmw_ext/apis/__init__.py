"""MMPose's inferencers with our models; boxes in, keypoints out."""

import mmpose  # noqa: F401  (registers every room before this one is half loaded)
