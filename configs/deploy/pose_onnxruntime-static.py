_base_ = ['./_base_/pose_static.py', './_base_/onnxruntime.py']
