# LaPa (https://github.com/JDAI-CV/lapa-dataset), 106 points without names.
lapa_trainval = dict(
    type='KeypointDataset',
    metainfo=dict(from_file='configs/_base_/datasets/lapa.py'),
    data_root='data/LaPa/',
    ann_file='annotations/lapa_trainval.json',
    data_prefix=dict(img=''),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='lapa',
            pairs=[
                # Contour: LaPa has a point between each two of ours.
                *((2 * i, 23 + i) for i in range(17)),
                # Upper edges of the brows, bridge and base of the nose.
                *((33 + i, 40 + i) for i in range(5)),
                *((42 + i, 45 + i) for i in range(5)),
                *((51 + i, 50 + i) for i in range(4)),
                *((58 + i, 54 + i) for i in range(5)),
                # Eyes, without lid middles and pupils.
                *zip((66, 67, 69, 70, 71, 73), range(59, 65)),
                *zip((75, 76, 78, 79, 80, 82), range(65, 71)),
                # Mouth.
                *((84 + i, 71 + i) for i in range(20)),
            ],
        ),
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0)),
    ],
)
