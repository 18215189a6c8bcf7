_base_ = ['./_base_/pose3d_static.py', './_base_/onnxruntime.py']
