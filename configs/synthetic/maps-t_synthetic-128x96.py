# What follows cells-t: HEM's maps learn, too, which cell each point is in. For
# long this would keep everything else, such as depth, out of the maps.
_base_ = './rtmw3d-t_synthetic-128x96.py'

model = dict(head=dict(map_loss=dict(type='CellLoss', scale=3.0)))
