# Paper, Table 4: + HEM.
_base_ = '../rtmw/rtmw-l_cocktail14-256x192.py'

model = dict(neck=None)
