"""Synthetic whole-body data: drawn people with exact keypoints."""
