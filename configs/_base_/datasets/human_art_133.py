# Human-Art (https://idea-research.github.io/HumanArt), 21 points, all scenes.
# Its "finger" is the hand's end, which is nearest to the tip of the forefinger
# in COCO-WholeBody, its "toe" the foot's, nearest to the big toe: half weight.
human_art_train = dict(
    type='HumanArtKeypoints',
    data_root='data/',
    ann_file='HumanArt/annotations/training_humanart.json',
    data_prefix=dict(img=''),
    pipeline=[
        dict(
            type='WholeBodyKeypointMapping',
            source='humanart21',
            same_names=True,
            points=dict(
                left_finger='left_forefinger4',
                right_finger='right_forefinger4',
                left_toe='left_big_toe',
                right_toe='right_big_toe',
            ),
            weights=dict(
                left_forefinger4=0.5,
                right_forefinger4=0.5,
                left_big_toe=0.5,
                right_big_toe=0.5,
            ),
        )
    ],
)
