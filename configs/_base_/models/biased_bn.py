# How a head begins in short or small trainings: with a bias in BN, so that no
# point's map is left with nothing above its ReLU.
biased_bn = [
    dict(type='Normal', layer=['Conv2d'], std=0.001),
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=1.0),
    dict(type='Normal', layer=['Linear'], std=0.01, bias=0),
]
