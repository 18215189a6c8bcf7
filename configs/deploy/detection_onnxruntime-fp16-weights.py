_base_ = ['./_base_/detection.py', './_base_/onnxruntime-fp16-weights.py']
