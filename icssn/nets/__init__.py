"""Torch modules: shared encoder, siamese classifier, DeepLabv3+ segmenter. Used by training and inference."""

from icssn.nets.vision_ops import declare_missing_operators

declare_missing_operators()  # before the first import of timm or segmentation_models_pytorch
