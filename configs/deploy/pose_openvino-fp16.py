_base_ = ['./_base_/pose.py', './_base_/openvino-fp16.py']
