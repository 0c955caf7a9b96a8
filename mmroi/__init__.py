"""Multi-RoI human mesh recovery for OpenMMLab."""
