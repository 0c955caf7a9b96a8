"""The command ``mmroi``, and what the tools need before they know what to do.

At its import nothing here imports torch or a library of OpenMMLab, so ``--help`` answers at once; the tools
import those after they have read the command line.
"""
