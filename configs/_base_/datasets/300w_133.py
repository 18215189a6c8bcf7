# 300W (https://ibug.doc.ic.ac.uk/resources/300-W): the 68 points of which
# COCO-WholeBody took its own.
face_300w_train = dict(
    type='Face300wKeypoints',
    data_root='data/300w/',
    ann_file='annotations/face_landmarks_300w_train.json',
    data_prefix=dict(img='images/'),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='300w',
            pairs=[(i, 23 + i) for i in range(68)],
        ),
        dict(type='RandomBoxScale', padding=1.25, scale_factor=(1.5, 2.0)),
    ],
)
