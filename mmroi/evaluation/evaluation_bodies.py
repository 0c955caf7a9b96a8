"""The body models with which a metric poses SMPL parameters: one, or one per gender."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmroi.body_models import SMPL, GenderedBodies, SMPLOutput, normalize_gender
from mmroi.evaluation.fields import sample_name
from mmroi.utils.installation import find_page


def gender_of(sample: Mapping[str, Any]) -> str:
    """Return the gender of the annotated body.

    Args:
        sample: A data sample with ``gender`` in its metainfo, in any spelling that datasets use.

    Returns:
        ``neutral``, ``male`` or ``female``.

    Raises:
        KeyError: If the metainfo has no gender.
        ValueError: If the gender is not one of the three.
    """
    if 'gender' not in sample:
        raise KeyError(
            f'{sample_name(sample)} has no gender in its metainfo; this protocol needs it '
            '("gender" must be among the meta_keys of PackHMRInputs)'
        )
    return normalize_gender(sample['gender'], sample_name(sample))


class EvaluationBodies(nn.Module):
    """Neutral SMPL, and the gendered models for protocols that need them.

    A body model without genders (see ``GenderedBodies``) poses all annotations, after one warning, and so
    does the open body in place of SMPL: such results do not follow the protocol.

    Args:
        body_model: Config of the neutral body model, or the model; the open body by default.
        gendered: Pose annotations with the body model of their gender.

    Attributes:
        neutral: The neutral body model.

    Raises:
        FileNotFoundError: If the file of a body model is missing.
    """

    def __init__(self, body_model: dict[str, Any] | SMPL | None = None, gendered: bool = False) -> None:
        super().__init__()
        self.bodies = GenderedBodies(body_model)
        self.gendered = gendered
        self._warned = False
        if gendered:
            for error in self.bodies.find_missing().values():
                raise error  # now, not after the first batch

    @property
    def neutral(self) -> SMPL:
        """The neutral body model."""
        return self.bodies.neutral

    def forward(
        self, samples: Sequence[Mapping[str, Any]], global_orient: Tensor, body_pose: Tensor, betas: Tensor
    ) -> SMPLOutput:
        """Pose the body of each sample.

        Args:
            samples: N data samples, of which the gender is used if ``gendered``.
            global_orient: (N, 3) axis-angle or (N, 3, 3).
            body_pose: (N, 23, 3) axis-angle or (N, 23, 3, 3).
            betas: (N, 10).

        Returns:
            Vertices and joints of N bodies, without translation.

        Raises:
            KeyError: If a sample's gender is needed and missing.
            ValueError: If a sample's gender is needed and unknown.
        """
        device = self.neutral.mean_betas.device
        params = [x.float().to(device) for x in (global_orient, body_pose, betas)]
        genders = [gender_of(sample) for sample in samples] if self.gendered else []
        self._warn_of_genders(genders)
        if not genders or not self.bodies.has_genders:
            return self.neutral(*params)
        parts, order = [], []
        for gender in sorted(set(genders)):
            rows = [i for i, other in enumerate(genders) if other == gender]
            parts.append(self.bodies.get(gender)(*(x[rows] for x in params)))
            order += rows
        back = torch.tensor(order, device=device).argsort()
        return SMPLOutput(*(torch.cat(values)[back] for values in zip(*parts, strict=True)))

    def warn_of_open_body(self, protocol: str) -> None:
        """Warn once if the open body is used in place of SMPL.

        Args:
            protocol: Name of a protocol with SMPL annotations.
        """
        if self.neutral.is_open:
            self._warn(
                f'protocol "{protocol}" is measured on the open body, which is not SMPL'
                + (' and has one gender: neutral is used' if self.gendered else '')
            )

    def _warn_of_genders(self, genders: Sequence[str]) -> None:
        if not genders:
            return
        if not self.bodies.has_genders:
            reason = 'the body model has none (the open body and single files have one shape space)'
        elif 'neutral' in genders:
            reason = 'some annotations have none'
        else:
            return
        self._warn(
            f'this protocol poses annotations with the body model of their gender, but {reason}: neutral is '
            'used'
        )

    def _warn(self, what: str) -> None:
        if not self._warned:
            warnings.warn(
                f'{what}, and the results are not comparable with published ones '
                f'({find_page("body_models.md")})',
                stacklevel=3,
            )
        self._warned = True
