# UBody's SMPL-X joints (https://github.com/IDEA-Research/OSX) in OSX's names.
# A tenth of the frames an epoch, as released.
_sides = dict(L='left', R='right')
_fingers = dict(
    Thumb='thumb',
    Index='forefinger',
    Middle='middle_finger',
    Ring='ring_finger',
    Pinky='pinky_finger',
)
_points = dict(Nose='nose')
for _side, _ours in _sides.items():
    for _joint in (
        'Hip',
        'Knee',
        'Ankle',
        'Shoulder',
        'Elbow',
        'Big_toe',
        'Small_toe',
        'Heel',
        'Ear',
        'Eye',
    ):
        _points[f'{_side}_{_joint}'] = f'{_ours}_{_joint.lower()}'
    # The model's hand starts at the wrist of its body.
    _points[f'{_side}_Wrist'] = (f'{_ours}_wrist', f'{_ours}_hand_root')
    for _finger, _name in _fingers.items():
        for _i in range(1, 5):
            _points[f'{_side}_{_finger}_{_i}'] = f'{_ours}_{_name}{_i}'
# Face_1 to Face_4 are jaw, head and eyeballs; then come the face's points 17
# to 67 and its contour, 0 to 16, both in COCO-WholeBody's order.
for _i in range(5, 73):
    _points[f'Face_{_i}'] = f'face-{_i + 12 if _i < 56 else _i - 56}'
ubody3d_train = dict(
    type='UBody3dKeypoints',
    layout='osx137',
    data_root='data/ubody/',
    ann_file='annotations/*/train_3dkeypoint_annotation.json',
    data_prefix=dict(img='images/'),
    share=0.1,
    pipeline=[dict(type='WholeBodyKeypointMapping', source='ubody3d', points=_points)],
)
# The rest is no part of the config.
del _sides, _fingers, _points, _side, _ours, _joint, _finger, _name, _i
