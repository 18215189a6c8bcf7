# Paper, Table 4: RTMPose-l, the baseline.
_base_ = '../rtmw/rtmw-l_cocktail14-256x192.py'

model = dict(neck=None, head=dict(hem=False))
