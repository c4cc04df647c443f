"""Torch modules: shared encoder, siamese classifier, DeepLabv3+ segmenter. Used by training and inference."""
