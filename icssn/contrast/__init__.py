"""Contrastive learning as functions of tensors: OCL, SOCL, and the choice of anchors."""
