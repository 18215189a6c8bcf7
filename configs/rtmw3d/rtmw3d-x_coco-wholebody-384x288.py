# RTMW3D-x evaluated in 2D (the paper's Table 1).
_base_ = './rtmw3d-x_cocktail17-384x288.py'

val_dataloader = dict(
    dataset=dict(
        datasets={'_delete_': True, 'coco-wholebody': {{_base_.coco_wholebody_val}}}
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='WholeBodyMetric')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(save_best='coco-wholebody/AP', rule='greater'))
