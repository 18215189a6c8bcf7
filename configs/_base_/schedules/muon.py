# From random weights, Muon takes fewer samples than AdamW (docs/synthetic.md).
_base_ = './minutes.py'

optim_wrapper = dict(optimizer=dict(type='mmpose.TimmMuon', lr=3e-3))
