# The mix of the paper's 3D models: the 2D one and three 3D datasets. Samples
# of the 2D ones have no 3D fields; the codec gives their z no weight.
_base_ = [
    './cocktail14.py',
    './h3wb_133.py',
    './ubody3d_133.py',
    './dna_rendering_133.py',
]

# Beside those of cocktail14.py.
cocktail = {
    'h3wb': {{_base_.h3wb_train}},
    'ubody3d': {{_base_.ubody3d_train}},
    'dna_rendering': {{_base_.dna_rendering_train}},
}
