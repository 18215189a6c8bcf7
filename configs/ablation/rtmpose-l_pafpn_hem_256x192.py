# Paper, Table 4: + PAFPN + HEM: RTMW-l.
_base_ = '../rtmw/rtmw-l_cocktail14-256x192.py'
