_base_ = ['./_base_/pose.py', './_base_/openvino.py']
