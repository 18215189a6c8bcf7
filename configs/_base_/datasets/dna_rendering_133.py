# DNA-Rendering (https://dna-rendering.github.io), part 1, as converted by
# tools/dataset/prepare.py. A tenth of the frames an epoch, as in the released
# config, where it is commented out.
dna_rendering_train = dict(
    type='DnaRenderingDataset',
    data_root='data/dna_rendering/',
    ann_file='annotations/instances.npz',
    data_prefix=dict(img='images/'),
    share=0.1,
    pipeline=[
        dict(type='WholeBodyKeypointMapping', source='coco_wholebody', same_names=True)
    ],
)
