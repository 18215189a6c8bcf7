"""The 133 COCO-WholeBody points: their names, parts and the lines between them.

Source: https://github.com/jin-s13/COCO-WholeBody, "Annotation format".
"""

from collections.abc import Sequence

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
        f'{side}_{part}'
        for side in ('left', 'right')
        for part in (
            'hand_root',
            'thumb1',
            'thumb2',
            'thumb3',
            'thumb4',
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
NUM_KEYPOINTS = len(KEYPOINT_NAMES)
#: The points of each part.
PARTS = {
    'body': range(0, 17),
    'feet': range(17, 23),
    'face': range(23, 91),
    'left_hand': range(91, 112),
    'right_hand': range(112, NUM_KEYPOINTS),
}
BODY_NAMES = KEYPOINT_NAMES[: len(PARTS['body'])]
#: Their mean is the root of a person in 3D.
HIPS = (11, 12)
SHOULDERS = (5, 6)
NOSE = 0
WRISTS = {'left_hand': 91, 'right_hand': 112}
#: Parts that a second look refines, and the root of their depth in it.
ROOTS = {'face': NOSE, **WRISTS}
#: Whether the crop of a hand is mirrored. All crops show a left hand, so that a
#: network need not tell left from right.
MIRRORED = {'left_hand': False, 'right_hand': True}
#: Two points of a part, (lower, upper), between which its crop is upright: from
#: the chin to between the eyes, from the middle finger's knuckle to the wrist,
#: as most hands hang.
UPRIGHT = {'face': (31, 50), 'left_hand': (100, 91), 'right_hand': (121, 112)}
#: Degrees by which these directions are wrong in earlier predictions, seldom
#: more.
TILTS = {'face': 15.0, 'left_hand': 45.0, 'right_hand': 45.0}
#: The points that the crop of a part shows: all of the head; the hand with the
#: body's wrist.
CROP_POINTS = {
    'face': (0, 1, 2, 3, 4, *PARTS['face']),
    'left_hand': (9, *PARTS['left_hand']),
    'right_hand': (10, *PARTS['right_hand']),
}
#: Share of the points of a face or hand that must be visible for its labels.
MIN_VISIBLE = 0.25
#: COCO-WholeBody's names of the parts.
COCO_PARTS = {
    'body': PARTS['body'],
    'foot': PARTS['feet'],
    'face': PARTS['face'],
    'lefthand': PARTS['left_hand'],
    'righthand': PARTS['right_hand'],
}
#: Its fields of an annotation, in the order of the points.
FIELDS = {
    'keypoints' if name == 'body' else f'{name}_kpts': slice(part.start, part.stop)
    for name, part in COCO_PARTS.items()
}


#: Halpe's points of the body, head and feet; the first are COCO's.
#: Source: https://github.com/Fang-Haoshu/Halpe-FullBody, "Keypoints format".
HALPE26_NAMES = (
    *BODY_NAMES,
    'head',
    'neck',
    'hip',
    *(
        f'{side}_{part}'
        for part in ('big_toe', 'small_toe', 'heel')
        for side in ('left', 'right')
    ),
)


#: {number of points: their names}: COCO-WholeBody's, COCO's and Halpe's.
SKELETONS = {len(names): names for names in (KEYPOINT_NAMES, BODY_NAMES, HALPE26_NAMES)}


def keypoint_names(count: int) -> tuple[str, ...]:
    """Names of ``count`` points: those of ``SKELETONS``, else numbers."""
    return SKELETONS.get(count) or tuple(map(str, range(count)))


#: Points of the 68 of the face that are each other's mirror image, those of the
#: person's right side first.
#: Source: iBUG, "Facial point annotations".
_FACE_SIDES = (
    *((number, 16 - number) for number in range(8)),
    *((number, 43 - number) for number in range(17, 22)),
    *((31, 35), (32, 34)),
    *((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)),
    *((48, 54), (49, 53), (50, 52), (55, 59), (56, 58)),
    *((60, 64), (61, 63), (65, 67)),
)


def side_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Points that are each other's mirror image, (left, right) of the person: those
    named ``left_`` and ``right_``, and those of the face.

    Args:
        names: Of all points.
    """
    numbers = {name: number for number, name in enumerate(names)}
    pairs = [
        (number, numbers['right_' + name.removeprefix('left_')])
        for name, number in numbers.items()
        if name.startswith('left_') and 'right_' + name.removeprefix('left_') in numbers
    ]
    if tuple(names) == KEYPOINT_NAMES:
        first = PARTS['face'].start
        pairs += [(first + left, first + right) for right, left in _FACE_SIDES]
    return pairs


Link = tuple[int, int]


def _chain(start: int, stop: int, closed: bool = False) -> list[Link]:
    """Links of start .. stop, both included, in a row or a ring."""
    links = [(point, point + 1) for point in range(start, stop)]
    return links + [(stop, start)] * closed


def _hand(wrist: int) -> list[Link]:
    """From the wrist, the first point, along each finger."""
    links: list[Link] = []
    for finger in range(wrist + 1, wrist + 21, 4):
        links += [(wrist, finger), *_chain(finger, finger + 3)]
    return links


#: Pairs of points that a line joins, by part.
LINKS: dict[str, list[Link]] = {
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
#: The same for Halpe's 26 points: the trunk goes along the spine.
_HALPE26_LINKS: dict[str, list[Link]] = {
    'body': [
        *(link for link in LINKS['body'] if not {*link} <= {5, 6, 11, 12}),
        *[(17, 18), (18, 5), (18, 6), (18, 19), (19, 11), (19, 12)],
    ],
    'feet': [(15, 20), (15, 22), (15, 24), (16, 21), (16, 23), (16, 25)],
}


def links_of(count: int) -> dict[str, list[Link]]:
    """:data:`LINKS` of people with so many points: 133, 17 or 26; others have none."""
    if count == len(HALPE26_NAMES):
        return _HALPE26_LINKS
    if count == len(BODY_NAMES):
        return {'body': LINKS['body']}
    return LINKS if count == NUM_KEYPOINTS else {}


BONES = [link for links in LINKS.values() for link in links]
