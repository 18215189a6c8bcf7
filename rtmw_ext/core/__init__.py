"""What every other room stands on: numpy, OpenCV and Pillow only."""
