_base_ = ['./_base_/pose3d.py', './_base_/openvino-fp16.py']
