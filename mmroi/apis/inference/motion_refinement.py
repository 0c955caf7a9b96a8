"""Refinement of videos over a window of frames: results wait until the second half of it is there."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from mmroi.apis.inference.frames import BadInput
from mmroi.apis.inference.results import Estimate, FrameResult
from mmroi.body_models import SMPL
from mmroi.models.refiners import BodyState, MotionWindow, pose_state
from mmroi.structures import Predictions

Result = FrameResult | BadInput


@dataclass(frozen=True)
class _Moment:
    """People of a frame by identity; nobody in a photo or in a frame that could not be read."""

    video: str | None
    time: float
    people: dict[int, Estimate]


class MotionRefinement:
    """Makes refined people move smoothly: each frame is fitted together with its neighbors.

    A person is followed through consecutive frames only: whoever is missing in one of them, is behind the
    camera, or belongs to another video does not reach across. Memory is that of a window.

    Args:
        body: Poses the people.
        length: Number of frames of a window, odd; results come half of it later.
        window: What is smooth.

    Raises:
        ValueError: If the length is even or below 3.
    """

    def __init__(self, body: SMPL, length: int, window: MotionWindow | None = None) -> None:
        if not isinstance(length, int) or length < 3 or length % 2 == 0:
            raise ValueError(f'refiner: window must be an odd number of frames, at least 3, not {length!r}')
        self._body, self._half = body, length // 2
        self._window = window or MotionWindow()

    def __call__(self, results: Iterable[Result]) -> Iterator[Result]:
        """Smooth results in place, in their order.

        Args:
            results: With ``track_id`` and ``estimates``.

        Yields:
            The same results.
        """
        waiting: deque[Result] = deque()
        moments: deque[_Moment] = deque()  # of frames that have left, and of those that wait
        for result in results:
            waiting.append(result)
            moments.append(_moment(result))
            # Photos need not wait.
            while waiting and (moments[-1].video is None or len(waiting) > self._half):
                yield self._finish(waiting, moments)
        while waiting:
            yield self._finish(waiting, moments)

    def _finish(self, waiting: deque[Result], moments: deque[_Moment]) -> Result:
        """Smooth the first frame that waits."""
        result = waiting.popleft()
        place = len(moments) - len(waiting) - 1
        if isinstance(result, FrameResult):
            for sample in result.samples:
                near = list(moments)[: place + self._half + 1]
                self._smooth(result, sample.track_id, _run(near, place, sample.track_id))
            result = replace(result, estimates=())
        while len(moments) - len(waiting) > self._half:
            moments.popleft()
        return result

    @torch.no_grad()
    def _smooth(self, result: FrameResult, person: int, run: tuple[list[_Moment], int]) -> None:
        moments, place = run
        if len(moments) < 2:
            return
        estimates = [moment.people[person] for moment in moments]
        states = BodyState.cat([estimate.state for estimate in estimates])
        information = torch.stack([estimate.information for estimate in estimates])
        times = torch.tensor([moment.time for moment in moments]).to(states.betas)
        smooth = self._window(states, information, times)
        sample = next(sample for sample in result.samples if sample.track_id == person)
        boxes = torch.as_tensor(sample.boxes)[None].to(states.betas)
        focal = states.betas.new_tensor([float(sample.focal_length)])
        body = pose_state(self._body, smooth[place : place + 1], boxes, focal)
        fields = {name: value.cpu() for name, value in body.to_dict().items()}
        sample.pred_instances = replace(
            Predictions.from_instances(sample.pred_instances), **fields
        ).to_instances()


def _moment(result: Result) -> _Moment:
    if isinstance(result, BadInput) or result.frame.video is None or result.restored:
        return _Moment(None, 0.0, {})
    people = {
        sample.track_id: estimate
        for sample, estimate in zip(result.samples, result.estimates, strict=True)
        if estimate.information.isfinite().all()
    }
    return _Moment(result.frame.video, result.frame.time or 0.0, people)


def _run(moments: list[_Moment], place: int, person: int) -> tuple[list[_Moment], int]:
    """Return the consecutive moments around a place in which a person is seen, and the place among them."""
    video = moments[place].video

    def seen(moment: _Moment) -> bool:
        return moment.video == video and person in moment.people

    if video is None or not seen(moments[place]):
        return [], 0
    first = last = place
    while first > 0 and seen(moments[first - 1]):
        first -= 1
    while last + 1 < len(moments) and seen(moments[last + 1]):
        last += 1
    return moments[first : last + 1], place - first
