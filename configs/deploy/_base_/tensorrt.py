# 1 to 16 crops per run; tools/deploy.py fills in the shapes.
backend_config = dict(type='tensorrt', common_config=dict(fp16_mode=False))
