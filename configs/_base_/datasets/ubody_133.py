# UBody (https://github.com/IDEA-Research/OSX), 2D, one file a scene. A tenth of
# the frames an epoch, as released.
_scenes = [
    'ConductMusic', 'Entertainment', 'Fitness', 'Interview', 'LiveVlog',
    'Magic_show', 'Movie', 'Olympic', 'Online_class', 'SignLanguage',
    'Singing', 'Speech', 'TVShow', 'TalkShow', 'VideoConference'
]

ubody_train = [
    dict(
        type='UBody2dKeypoints',
        data_root='data/ubody/',
        ann_file=f'annotations/{scene}/train_annotations.json',
        data_prefix=dict(img='images/'),
        share=0.1,
        pipeline=[
            dict(
                type='WholeBodyKeypointMapping',
                source='ubody2d',
                same_names=True),
        ]) for scene in _scenes
]
