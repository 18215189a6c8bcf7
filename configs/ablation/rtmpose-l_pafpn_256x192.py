# Paper, Table 4: + PAFPN.
_base_ = '../rtmw/rtmw-l_cocktail14-256x192.py'

model = dict(head=dict(hem=False))
