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

cocktail14 = [
    {{_base_.coco_wholebody_train}},
    {{_base_.ubody_train}},
    {{_base_.halpe_train}},
    {{_base_.aic_train}},
    {{_base_.crowdpose_trainval}},
    {{_base_.mpii_train}},
    {{_base_.jhmdb_train}},
    {{_base_.posetrack18_train}},
    {{_base_.human_art_train}},
    {{_base_.wflw_train}},
    {{_base_.face_300w_train}},
    {{_base_.cofw_train}},
    {{_base_.lapa_trainval}},
    {{_base_.interhand26m_train}},
]
