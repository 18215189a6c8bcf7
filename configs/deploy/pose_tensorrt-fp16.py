_base_ = ['./_base_/pose.py', './_base_/tensorrt-fp16.py']
