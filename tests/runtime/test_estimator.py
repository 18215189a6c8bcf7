"""WholeBody: images, videos, and images in which nobody is detected."""

import numpy as np
import pytest

from rtmw_ext.commands.bench_rtmlib import moving
from rtmw_ext.core.images import ImageError
from rtmw_ext.runtime import PoseModel, WholeBody
from support.people import people_at

CROSS = [(20, 40), (30, 90), *[(25, 60)] * 15]


class Points(PoseModel):
    """Finds given points with given scores, one score a call."""

    def __init__(self, points, *scores):
        self.points, self.scores = np.float32(points), list(scores)
        self.boxes = []

    def __call__(self, image, boxes, box_scores=None, camera=None):
        self.boxes.append(np.array(boxes))
        score = self.scores[len(self.boxes) - 1] if len(boxes) else 0
        return people_at(
            np.tile(self.points, (len(boxes), 1, 1)),
            np.tile(np.float32(score), (len(boxes), len(self.points))),
            self.boxes[-1],
        )


def nobody(image):
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


def test_two_boxes_of_a_person_are_one_person():
    image = np.zeros((100, 200, 3), np.uint8)
    boxes = np.float32([[10, 30, 40, 100], [12, 32, 60, 98]])
    estimator = WholeBody(
        Points(CROSS, 0.5, 0.5, 0.5), lambda image: (boxes, np.float32([0.9, 0.8]))
    )
    assert estimator(image).boxes.tolist() == boxes[:1].tolist()
    estimator.max_people = 1
    assert estimator(image).boxes.tolist() == boxes[:1].tolist()
    estimator.max_people = None
    # Who gives boxes means all of them.
    assert len(estimator(image, boxes=boxes)) == 2


def test_fallback_refines_the_whole_image_once():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 0.5, 0.75)
    people = WholeBody(pose, nobody)(image)
    assert len(pose.boxes) == 2
    assert pose.boxes[0].tolist() == [[0, 0, 200, 100]]
    # A tenth more than the points on each side.
    assert np.allclose(pose.boxes[1], [[19, 35, 31, 95]])
    assert np.allclose(people.boxes, pose.boxes[1])
    assert people.box_scores.tolist() == [0.75]
    worse = WholeBody(Points(CROSS, 0.75, 0.5), nobody)(image)
    assert worse.boxes.tolist() == [[0, 0, 200, 100]]
    assert worse.box_scores.tolist() == [0.75]


def test_fallback_believes_only_what_is_clear():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 0.2, 1)
    assert len(WholeBody(pose, nobody)(image)) == 0 and len(pose.boxes) == 1
    scores = np.full(17, 0.9)
    scores[5:] = 0.1
    assert len(WholeBody(Points(CROSS, scores, 1), nobody)(image)) == 0
    # Points in a line are a person, but no box to look again in.
    pose = Points([(9, 9)] * 17, 1)
    assert len(WholeBody(pose, nobody)(image)) == len(pose.boxes) == 1


def test_no_fallback_where_it_is_off_and_in_videos():
    image = np.zeros((100, 200, 3), np.uint8)
    pose = Points(CROSS, 1, 1)
    assert len(WholeBody(pose, nobody, fallback=False)(image)) == 0
    found = [*WholeBody(pose, nobody).video(iter([image] * 3), every=2)]
    assert [len(people) for _, people in found] == [0, 0, 0]
    assert not any(len(boxes) for boxes in pose.boxes)


def test_video_as_images(loud_t_file, photo):
    """Detection on every frame gives what single images give."""
    estimator = WholeBody(loud_t_file)
    frames = [*moving(photo, 5)]
    found = list(estimator.video(iter(frames), every=1))
    assert len(found) == 5
    for frame, (same, people) in zip(frames, found):
        assert same is frame and people.ids.tolist() == [0]
        assert np.allclose(people.keypoints, estimator(frame).keypoints)
    with pytest.raises(ValueError, match='every=0'):
        next(estimator.video(iter(frames), every=0))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_images_at_once(rtmw_t_file, photo, backend):
    pytest.importorskip(backend)
    frames = [*moving(photo, 7)]
    one, three = (
        WholeBody(rtmw_t_file[0], backend=backend, threads=threads, streams=threads)
        for threads in (1, 3)
    )
    found = list(three.images(frames))
    assert len(found) == 7
    for frame, people in zip(frames, found):
        assert np.allclose(people.keypoints, one(frame).keypoints)
    images = three.images([frames[0], 'none.jpg', frames[1]])
    assert len(next(images)) == 1
    with pytest.raises(ImageError, match='none.jpg'):
        next(images)


def test_detection_only_every_nth_frame(loud_t_file, photo):
    looked = []

    def detector(image):
        looked.append(image)
        height, width = image.shape[:2]
        return np.float32([[0, 0, width, height]]), np.ones(1, np.float32)

    estimator = WholeBody(loud_t_file, detector)
    found = list(estimator.video(moving(photo, 7), every=3, smooth=30.0))
    assert len(looked) == 3
    ids = [people.ids.tolist() for _, people in found]
    # Followed in between; random points need not be where they were before.
    assert ids[0] == ids[1] == ids[2] == [0]
    assert len(ids) == 7 and ids[3] == ids[4] == ids[5]
