_base_ = ['./_base_/pose3d.py', './_base_/tensorrt-int8.py']
