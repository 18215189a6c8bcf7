# MPII (http://human-pose.mpi-inf.mpg.de), 16 body points. Its hips follow
# another convention than COCO's: half weight.
mpii_train = dict(
    type='MpiiKeypoints',
    data_root='data/mpii/',
    ann_file='annotations/mpii_train.json',
    data_prefix=dict(img='images/'),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='mpii',
            same_names=True,
            weights=dict(left_hip=0.5, right_hip=0.5),
        )
    ],
)
