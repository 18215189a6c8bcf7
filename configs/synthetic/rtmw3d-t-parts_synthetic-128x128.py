# RTMW3D-t for the second look: of faces and hands alone, in square crops. From
# RTMW3D-t's weights, which tools/crop_head.py cuts to this head.
_base_ = './finish-t_synthetic-256x192.py'

codec = {{_base_.inputs3d.x128x128.codec}}
model = dict(
    data_preprocessor=dict(
        codec=codec,
        scale_factor=(0.9, 1.1),
        half_body_prob=0.0,
        part_prob=1.0,
        part_scale=(1.2, 3.4),
    ),
    # A kernel of 7 would see beyond a map of 4 x 4 cells.
    head=dict(decoder=codec, kernel_size=3),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
test_dataloader = test_evaluator = test_cfg = None
