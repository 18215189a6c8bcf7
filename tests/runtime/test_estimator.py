"""WholeBody: images, videos, and images in which nobody is detected."""

from types import SimpleNamespace

import numpy as np
import pytest

from rtmw_ext.commands.bench_rtmlib import moving
from rtmw_ext.core.errors import VideoError
from rtmw_ext.core.images import ImageError
from rtmw_ext.runtime import PoseModel, WholeBody
from rtmw_ext.runtime.estimator import TOGETHER
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

    def images(self, images, boxes, box_scores, camera=None):
        return list(map(self, images, boxes))


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


class Film(PoseModel):
    """People who stand still in a network that computes ``at_once`` crops at once.

    Args:
        lost: (frame, person) of whom no point is seen.
    """

    def __init__(self, at_once, lost=()):
        self.network = SimpleNamespace(at_once=at_once)
        self.lost, self.groups, self.frames = lost, [], 0

    def __call__(self, image, boxes, box_scores=None, camera=None):
        return self.images([image], [boxes], [box_scores])[0]

    def images(self, images, boxes, box_scores, camera=None):
        self.groups.append(len(images))
        found = []
        for rows in boxes:
            corners = np.stack([rows[:, :2], rows[:, 2:]], 1)
            scores = np.ones(corners.shape[:2], np.float32)
            for person in range(len(rows)):
                scores[person] *= (self.frames, person) not in self.lost
            found.append(people_at(corners, scores, rows))
            self.frames += 1
        return found


def watch(pose, people, count, **how):
    """The ids in each of ``count`` frames, of which the first one is looked at."""
    boxes = np.float32([[0, 0, 9, 9], [50, 0, 59, 9]])[:people]
    estimator = WholeBody(pose, lambda image: (boxes, np.ones(people, np.float32)))
    frames = (np.zeros((20, 80, 3), np.uint8) for _ in range(count))
    return [found.ids.tolist() for _, found in estimator.video(frames, 9, **how)]


@pytest.mark.parametrize(
    'people, at_once, how, groups',
    [
        (1, 2, {}, [2, 2, 1]),
        (2, 2, {}, [1] * 5),
        (2, 4, {}, [2, 2, 1]),
        (1, 2, dict(live=True), [1] * 5),
        (0, 2, {}, [1] * 5),
    ],
)
def test_two_frames_share_a_batch_where_cores_would_idle(people, at_once, how, groups):
    pose = Film(at_once)
    assert watch(pose, people, 5, **how) == [list(range(people))] * 5
    assert pose.groups == groups


@pytest.mark.parametrize('at_once', [1, 4])
@pytest.mark.parametrize('frame', [1, 2, 3])
def test_who_is_lost_is_lost_in_the_rest_of_the_group_too(at_once, frame):
    ids = watch(Film(at_once, [(frame, 0)]), 2, 5)
    assert ids == [[0, 1]] * frame + [[1]] * (5 - frame)


@pytest.mark.parametrize('whole', range(4))
def test_frames_before_an_error_are_not_lost(whole):
    def frames():
        for _ in range(whole):
            yield np.zeros((20, 80, 3), np.uint8)
        raise VideoError('cut')

    found = WholeBody(Film(2)).video(frames(), 9)
    for _ in range(whole):
        next(found)
    with pytest.raises(VideoError, match='cut'):
        next(found)


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


@pytest.mark.parametrize('options', [{}, dict(fallback=False), dict(max_people=1)])
def test_images_of_any_number_of_people(loud_t_file, photo, options):
    """Whoever shares a batch gets the points that it would get alone."""
    places = np.float32([[0, 0, 60, 90], [30, 20, 90, 99], [100, 100, 180, 220]])

    def detector(image):
        count = image[0, 0, 0]
        return places[:count], np.linspace(0.9, 0.5, 3, dtype=np.float32)[:count]

    images = [photo.copy() for _ in range(TOGETHER + 3)]
    for number, image in enumerate(images):
        image[0, 0, 0] = (number * 7) % 4
    estimator = WholeBody(loud_t_file, detector, **options)
    found = list(estimator.images(images))
    assert len(found) == len(images)
    for people, image in zip(found, images):
        alone = estimator(image)
        assert people.boxes.tolist() == alone.boxes.tolist()
        assert np.allclose(people.box_scores, alone.box_scores)
        assert np.allclose(people.keypoints, alone.keypoints, atol=1e-3)


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
