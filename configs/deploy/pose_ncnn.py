_base_ = ['./_base_/pose_static.py', './_base_/ncnn.py']
