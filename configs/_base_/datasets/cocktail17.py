# The mix of the paper's 3D models: the 2D one and three 3D datasets. Samples
# of the 2D ones have no 3D fields; the codec gives their z no weight.
_base_ = [
    './cocktail14.py',
    './h3wb_133.py',
    './ubody3d_133.py',
    './dna_rendering_133.py',
]

cocktail17 = [
    {{_base_.cocktail14}},
    {{_base_.h3wb_train}},
    {{_base_.ubody3d_train}},
    {{_base_.dna_rendering_train}},
]
