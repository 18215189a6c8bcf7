_base_ = ['./_base_/pose.py', './_base_/tensorrt-int8.py']
