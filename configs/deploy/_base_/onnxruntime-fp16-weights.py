# A file of half the size: weights in float16, arithmetic in float32.
backend_config = dict(type='onnxruntime', precision='fp16-weights')
