# WFLW (https://wywu.github.io/projects/LAB/WFLW.html), 98 points without
# names; the pairs are (WFLW, COCO-WholeBody) in the order of our 68 points.
wflw_train = dict(
    type='WflwKeypoints',
    data_root='data/wflw/',
    ann_file='annotations/face_landmarks_wflw_train.json',
    data_prefix=dict(img='WFLW_images/'),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='wflw',
            pairs=[
                # Contour: WFLW has a point between each two of ours.
                *((2 * i, 23 + i) for i in range(17)),
                # Upper edges of the brows, nose.
                *((33 + i, 40 + i) for i in range(5)),
                *((42 + i, 45 + i) for i in range(5)),
                *((51 + i, 50 + i) for i in range(9)),
                # Eyes, without the middles of the lids (62, 66, 70, 74).
                *zip((60, 61, 63, 64, 65, 67), range(59, 65)),
                *zip((68, 69, 71, 72, 73, 75), range(65, 71)),
                # Mouth.
                *((76 + i, 71 + i) for i in range(20)),
            ],
        ),
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0)),
    ],
)
