# The 3D training mix of the paper (section 4.1): the 2D mix and the 3D sets; a
# dataset joins by its file.
_base_ = ['./coco-wholebody_133.py', './h3wb_133.py']

cocktail17 = [{{_base_.coco_wholebody_train}}, {{_base_.h3wb_train}}]
