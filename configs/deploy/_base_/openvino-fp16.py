backend_config = dict(type='openvino', precision='fp16')
