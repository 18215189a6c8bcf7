"""The 133 COCO-WholeBody points by part, and the lines between them.

Source: https://github.com/jin-s13/COCO-WholeBody, "Annotation format".
"""

HIPS = (11, 12)
NOSE = 0
WRISTS = {'left_hand': 91, 'right_hand': 112}
PARTS = {
    'body': range(0, 17),
    'feet': range(17, 23),
    'face': range(23, 91),
    'left_hand': range(91, 112),
    'right_hand': range(112, 133),
}
NUM_KEYPOINTS = PARTS['right_hand'].stop
#: Parts that are looked at a second time, and the root of their depth there.
ROOTS = {'face': NOSE, **WRISTS}
#: Whether a look at a hand is in a mirror: alone it is always shown as a left
#: one, which then need not be told from a right one.
MIRRORED = {'left_hand': False, 'right_hand': True}
#: From where to where is up in a look at a part: from the chin to between the
#: eyes, from the middle finger's knuckle to the wrist, as most hands hang.
UP = {'face': (31, 50), 'left_hand': (100, 91), 'right_hand': (121, 112)}
#: Degrees by which the other looks are mistaken in that, seldom more.
TILTS = {'face': 15.0, 'left_hand': 45.0, 'right_hand': 45.0}
#: What a look at a part sees: all of the head, the hand with the body's wrist.
SEEN = {
    'face': (0, 1, 2, 3, 4, *PARTS['face']),
    'left_hand': (9, *PARTS['left_hand']),
    'right_hand': (10, *PARTS['right_hand']),
}
#: Share of the points of a face or a hand that must be seen for its labels.
SEEN_PART = 0.25
#: COCO-WholeBody's fields of an annotation, in the order of the points.
FIELDS = {
    field: slice(part.start, part.stop)
    for field, part in zip(
        ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts'),
        PARTS.values(),
    )
}


#: Names of the points, in their order.
KEYPOINT_NAMES = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
    'left_big_toe',
    'left_small_toe',
    'left_heel',
    'right_big_toe',
    'right_small_toe',
    'right_heel',
    *(f'face-{number}' for number in range(68)),
    *(
        f'{side}_{joint}'
        for side in ('left', 'right')
        for joint in (
            'hand_root',
            *(f'thumb{number}' for number in range(1, 5)),
            *(
                f'{finger}{number}'
                for finger in (
                    'forefinger',
                    'middle_finger',
                    'ring_finger',
                    'pinky_finger',
                )
                for number in range(1, 5)
            ),
        )
    ),
)


def keypoint_names(count: int) -> tuple[str, ...]:
    """Names of ``count`` points: COCO-WholeBody's for 133, else numbers."""
    if count == len(KEYPOINT_NAMES):
        return KEYPOINT_NAMES
    return tuple(map(str, range(count)))


def _chain(start, stop, closed=False):
    """Links of start .. stop, both included, in a row or a ring."""
    links = [(point, point + 1) for point in range(start, stop)]
    return links + [(stop, start)] * closed


def _hand(wrist):
    """From the wrist, the first point, along each finger."""
    links = []
    for finger in range(wrist + 1, wrist + 21, 4):
        links += [(wrist, finger), *_chain(finger, finger + 3)]
    return links


LINKS = {
    'body': [
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 4),
        (5, 6),
        (5, 7),
        (7, 9),
        (6, 8),
        (8, 10),
        (5, 11),
        (6, 12),
        (11, 12),
        (11, 13),
        (13, 15),
        (12, 14),
        (14, 16),
    ],
    'feet': [(15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22)],
    # Jaw, brows, nose, nostrils, eyes, outer and inner lips.
    'face': [
        *_chain(23, 39),
        *_chain(40, 44),
        *_chain(45, 49),
        *_chain(50, 53),
        *_chain(54, 58),
        *_chain(59, 64, True),
        *_chain(65, 70, True),
        *_chain(71, 82, True),
        *_chain(83, 90, True),
    ],
    'left_hand': _hand(91),
    'right_hand': _hand(112),
}
BONES = [link for links in LINKS.values() for link in links]
