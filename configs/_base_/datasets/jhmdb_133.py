# sub-JHMDB, split 1 (http://jhmdb.is.tue.mpg.de), 15 body points.
jhmdb_train = dict(
    type='JhmdbKeypoints',
    data_root='data/jhmdb/',
    ann_file='annotations/Sub1_train.json',
    data_prefix=dict(img=''),
    pipeline=[dict(type='WholeBodyKeypointMapping', source='jhmdb', same_names=True)],
)
