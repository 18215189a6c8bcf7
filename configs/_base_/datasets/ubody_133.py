# UBody (https://github.com/IDEA-Research/OSX), 2D, one file a scene. A tenth
# of the frames an epoch, as released.
ubody_train = dict(
    type='UBody2dKeypoints',
    data_root='data/ubody/',
    ann_file='annotations/*/train_annotations.json',
    data_prefix=dict(img='images/'),
    share=0.1,
    pipeline=[dict(type='WholeBodyKeypointMapping', source='ubody2d', same_names=True)],
)
