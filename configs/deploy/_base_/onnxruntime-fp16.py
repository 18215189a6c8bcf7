# float16 inside, float32 inputs and outputs.
backend_config = dict(type='onnxruntime', precision='fp16')
