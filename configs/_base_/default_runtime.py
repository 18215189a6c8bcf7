# What every run shares: mmpose's defaults, with checkpoints that are written
# whole, runs that can be killed and resumed, and losses by axis and part.
custom_imports = dict(imports=['rtmw_ext'], allow_failed_imports=False)
default_scope = 'mmpose'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='mmpose.AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_best='coco-wholebody/AP',
        rule='greater',
    ),
    input_size=dict(type='mmpose.InputSizeHook'),
    checkpoint_fit=dict(type='mmpose.CheckpointFitHook'),
    resume=dict(type='mmpose.ResumeHook'),
    speed=dict(type='mmpose.SpeedHook'),
    keep_memory=dict(type='mmpose.KeepMemoryHook'),
    part_loss=dict(type='mmpose.PartLossHook', interval=50),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # Of each validation: `pictures=8` draws so many persons.
    visualization=dict(type='mmpose.ValidationPictureHook', pictures=0),
)

model_wrapper_cfg = dict(type='ChannelsLastDDP', broadcast_buffers=False)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)

visualizer = dict(
    type='PoseLocalVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    name='visualizer',
)
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
