# The ablations' data: trained on COCO, tested on 3DPW.
_base_ = './coco.py'
