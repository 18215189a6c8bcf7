"""MMPose's inferencers with our models; boxes in, keypoints out."""
