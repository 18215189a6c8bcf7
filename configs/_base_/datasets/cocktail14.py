# The 2D training mix of the paper (section 4.1); a dataset joins by its file.
_base_ = ['./coco-wholebody_133.py']

cocktail14 = [{{_base_.coco_wholebody_train}}]
