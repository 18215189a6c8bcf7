# InterHand2.6M (https://mks0601.github.io/InterHand2.6M), 42 points of two
# hands, each finger from its tip to the palm. "Wrist" is the hand's root, not
# the wrist of the body. A tenth of the frames an epoch, as released.
interhand26m_train = dict(
    type='InterHandKeypoints',
    data_root='data/interhand2.6m/',
    ann_file='annotations/train/InterHand2.6M_train_data.json',
    data_prefix=dict(img='images/train/'),
    camera_param_file='annotations/train/InterHand2.6M_train_camera.json',
    joint_file='annotations/train/InterHand2.6M_train_joint_3d.json',
    share=0.1,
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='interhand3d',
            same_names=True,
            points=dict(left_wrist='left_hand_root', right_wrist='right_hand_root'),
        ),
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0)),
    ],
)
