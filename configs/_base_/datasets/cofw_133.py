# COFW (http://www.vision.caltech.edu/xpburgos/ICCV13), 29 points without
# names; lower brows, lids and pupils (5, 7, 12-17) have no counterpart.
cofw_train = dict(
    type='KeypointDataset',
    metainfo=dict(from_file='configs/_base_/datasets/cofw.py'),
    data_root='data/cofw/',
    ann_file='annotations/cofw_train.json',
    data_prefix=dict(img='images/'),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='cofw',
            pairs=[
                # Brows: outer end, middle of the upper edge, inner end.
                *((0, 40), (4, 42), (2, 44)),
                *((1, 49), (6, 47), (3, 45)),
                # Eye corners: outer, inner.
                *((8, 59), (10, 62)),
                *((9, 68), (11, 65)),
                # Nose: left, right, tip, base.
                *((18, 54), (19, 58), (20, 53), (21, 56)),
                # Mouth: corners; upper and lower lip, outer and inner edge.
                *((22, 71), (23, 77)),
                *((24, 74), (25, 85), (26, 89), (27, 80)),
                # Chin.
                (28, 31),
            ],
        ),
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0)),
    ],
)
