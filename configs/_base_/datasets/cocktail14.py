# The 2D training mix of the paper (section 4.1): 3 whole-body, 6 body, 4 face
# datasets and 1 hand dataset. A dataset joins by its file.
_base_ = [
    './coco-wholebody_133.py',
    './ubody_133.py',
    './halpe_133.py',
    './aic_133.py',
    './crowdpose_133.py',
    './mpii_133.py',
    './jhmdb_133.py',
    './posetrack18_133.py',
    './human_art_133.py',
    './wflw_133.py',
    './300w_133.py',
    './cofw_133.py',
    './lapa_133.py',
    './interhand26m_133.py',
]

# Each by the name of its file: a leaf changes one, adds one, or drops one (None).
cocktail = {
    'coco-wholebody': {{_base_.coco_wholebody_train}},
    'ubody': {{_base_.ubody_train}},
    'halpe': {{_base_.halpe_train}},
    'aic': {{_base_.aic_train}},
    'crowdpose': {{_base_.crowdpose_trainval}},
    'mpii': {{_base_.mpii_train}},
    'jhmdb': {{_base_.jhmdb_train}},
    'posetrack18': {{_base_.posetrack18_train}},
    'human_art': {{_base_.human_art_train}},
    'wflw': {{_base_.wflw_train}},
    '300w': {{_base_.face_300w_train}},
    'cofw': {{_base_.cofw_train}},
    'lapa': {{_base_.lapa_trainval}},
    'interhand26m': {{_base_.interhand26m_train}},
}
