default_scope = 'mmroi'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The best by the first figure of the metric, which is MPJPE under every protocol.
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=2, save_best='auto'),
    # Stop before anything that is not finite is saved; or leave out up to max_skips steps in a row.
    finite=dict(type='FiniteCheckHook', max_skips=0),
    # Say which settings a resumed training keeps from its checkpoint; 'config': take those of the config.
    resume=dict(type='ResumeCheckHook', settings='checkpoint'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # enable=True: pictures of up to max_pictures people at each validation, to the backends below.
    visualization=dict(type='MeshVisualizationHook', enable=False, max_pictures=8),
    # Refuse numbers that were not expanded; record the body of the network in checkpoints.
    config_check=dict(type='ConfigCheckHook'),
    body_record=dict(type='BodyRecordHook'),
)
# Seed epochs by their number, so that a resumed training equals an uninterrupted one; log how many people
# each loss counts, and stop where that is nobody; average BatchNorm statistics over processes; show progress
# bars on a terminal. A config with hooks of its own replaces this list: repeat there what it should keep.
custom_hooks = [
    dict(type='EpochSeedHook'),
    dict(type='LossCoverageHook'),
    dict(type='SyncBuffersHook'),
    dict(type='ProgressBarHook'),
]
# tools/train.py --vis tensorboard wandb mlflow clearml adds backends, where their packages are installed.
visualizer = dict(type='MeshVisualizer', vis_backends=[dict(type='LocalVisBackend')])
# tools/test.py --tta: by default tta_pipeline is the test pipeline with each image and its mirror image.
tta_model = dict(type='MeshTTAModel')
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=1),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
log_processor = dict(window_size=50)
log_level = 'INFO'
load_from = None
resume = False
