"""Skeletons on pictures: widths, colours, opacity, labels, speed."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.people import People
from rtmw_ext.core.skeleton import NUM_KEYPOINTS, PARTS
from rtmw_ext.output import draw2d, text
from rtmw_ext.output.draw2d import FAINT, draw_people, opacity
from rtmw_ext.output.style import LEFT, MIDDLE, RIGHT, SHOWN, STYLE, bgr, rgb, style_of
from rtmw_ext.output.text import draw_text, text_mask
from support.examples import examples

SHOULDERS, LEFT_ARM, RIGHT_ARM = (5, 6), (5, 7), (6, 8)


def person(points, scores=1.0, count=NUM_KEYPOINTS, ids=None):
    """People who have only the points of dicts {number: (x, y)}."""
    keypoints = np.full((len(points), count, 2), np.nan, np.float32)
    for row, found in zip(keypoints, points):
        for number, place in found.items():
            row[number] = place
    shown = np.where(np.isfinite(keypoints).all(2), scores, 0).astype(np.float32)
    boxes = np.stack([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
    return People(keypoints, shown, boxes.reshape(-1, 4), shown.max(1), ids=ids)


def black(width=200, height=200):
    return np.zeros((height, width, 3), np.uint8)


def test_nobody_and_nothing():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    nobody = person([{5: (1, 1)}])[:0]
    assert np.array_equal(draw_people(image, nobody, boxes=True, ids=True), image)
    blank = person([{5: (10, 10)}], scores=0)
    drawn = draw_people(image, blank)
    assert np.array_equal(drawn, image) and drawn is not image


def test_lines_are_as_wide_as_people_are_large():
    widths = []
    for tall in (60, 300, 900):
        drawn = draw_people(black(1000, 1000), person([{5: (500, 20), 7: (500, tall)}]))
        widths.append(drawn[(20 + tall) // 2].any(1).sum())
    assert 1 <= widths[0] <= 5 < widths[1] * 1.5 < widths[2] <= 14


@pytest.mark.parametrize(
    'link, color',
    [(SHOULDERS, MIDDLE), (LEFT_ARM, LEFT), (RIGHT_ARM, RIGHT), ((15, 17), LEFT)],
)
@pytest.mark.parametrize('background', [0, 255])
def test_colours_tell_sides(link, color, background):
    image = np.full((200, 400, 3), background, np.uint8)
    ends = {link[0]: (20, 100), link[1]: (380, 100)}
    drawn = draw_people(image, person([ends]))
    assert np.abs(drawn[100, 200].astype(int) - bgr(color)).max() <= 1
    # A dark rim stands out on a light picture.
    assert drawn[:, 200].min() < 0.5 * background or background == 0


def test_left_is_warm_and_right_is_cold():
    for row in STYLE:
        red, _, blue = rgb(row.color)
        if row.part != 'face' and row.color != MIDDLE:
            left = row.part == 'left_hand' or (
                row.part in ('body', 'feet') and max(row.link) % 2
                if row.part == 'body'
                else row.link[0] in (15, *PARTS['left_hand'])
            )
            assert (red > blue) == bool(left)


def test_sides_of_26_points():
    colors = {row.link: row.color for row in style_of(26)}
    assert colors[17, 18] == colors[18, 19] == MIDDLE
    assert colors[18, 5] == colors[15, 20] == LEFT
    assert colors[19, 12] == colors[16, 25] == RIGHT


def blend_all(image, layer):
    """Every pixel, by numbers that are not rounded before the end."""
    above = layer.astype(float)
    image[:] = (image * (1 - above[..., 3:] / 255) + above[..., :3]).round()


@examples(20)
@given(
    seed=st.integers(0, 2**31),
    size=st.sampled_from([(40, 400), (130, 300), (300, 60)]),
    count=st.sampled_from([17, 133]),
)
def test_only_what_is_drawn_is_blended(seed, size, count):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    points = rng.uniform(-20, max(size), (2, count, 2)).astype(np.float32)
    # Some are far from the others, with nothing between.
    points[0, : count // 2] *= 0.1
    scores = rng.uniform(0, 1, (2, count)).astype(np.float32)
    people = People(points, scores, np.zeros((2, 4), np.float32), np.ones(2))
    drawn = draw_people(image, people)
    with mock.patch.object(draw2d, '_blend', blend_all):
        expected = draw_people(image, people)
    assert (drawn != image).any()
    assert np.abs(drawn.astype(int) - expected).max() <= 2


def test_unsure_points_are_fainter():
    ends = {5: (20, 100), 7: (380, 100)}
    found = [
        draw_people(black(400), person([ends], score))[100, 200].max()
        for score in (0.3, 0.5, 0.8, 1.0)
    ]
    assert found[0] < found[1] < found[2] == found[3]
    assert found[0] == pytest.approx(FAINT * max(rgb(LEFT)), abs=1.5)
    assert not draw_people(black(400), person([ends], 0.29)).any()


def test_opacity_lets_the_picture_through():
    image = np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)
    drawn = draw_people(image, person([{5: (20, 100), 7: (380, 100)}], 0.3))
    expected = FAINT * np.array(bgr(LEFT)) + (1 - FAINT) * image[100, 150:250]
    assert np.abs(drawn[100, 150:250] - expected).max() <= 2


def test_crossing_lines_are_not_more_opaque():
    """A pixel under two lines of a person is covered once."""
    cross = {13: (20, 100), 15: (180, 100), 7: (100, 20), 5: (100, 180)}
    people = person([cross], 0.4)
    drawn = draw_people(black(), people)
    once = opacity(np.array([0.4]), 0.3)[0] * max(rgb(LEFT))
    assert drawn[100, 100].max() <= once + 1


def test_lines_are_anti_aliased():
    drawn = draw_people(black(), person([{5: (20, 20), 7: (180, 90)}]))
    assert len(np.unique(drawn[..., 2])) > 20


@pytest.mark.parametrize('parts', [*([part] for part in SHOWN), list(SHOWN)])
def test_parts(parts):
    rng = np.random.default_rng(0)
    points = {}
    for row, part in enumerate(PARTS):
        for point in PARTS[part]:
            points[point] = (rng.uniform(20, 180), 30 + 60 * row + rng.uniform(0, 10))
    # The ankles, from which feet are drawn, belong to the body.
    drawn = draw_people(black(200, 330), person([points]), parts=parts)
    for row, part in enumerate(PARTS):
        shown = any(part in SHOWN[name] for name in parts)
        assert drawn[30 + 60 * row : 40 + 60 * row].any() == shown


@pytest.mark.parametrize('count, linked', [(17, True), (26, True), (9, False)])
def test_other_skeletons(count, linked):
    """COCO's 17 and Halpe's 26 points have links, others dots."""
    drawn = draw_people(black(), person([{5: (20, 100), 7: (180, 100)}], count=count))
    assert drawn[100, 20].any() and drawn[100, 180].any()
    assert drawn[100, 100].any() == linked


@examples(25)
@given(
    seed=st.integers(0, 2**31),
    spread=st.sampled_from([1, 50, 300, 1e4, 1e8]),
    count=st.sampled_from([17, 133]),
)
def test_any_points_are_drawn(seed, spread, count):
    """Outside, far away, not finite: nothing fails, nothing wraps around."""
    rng = np.random.default_rng(seed)
    points = rng.normal(40, spread, (2, count, 2)).astype(np.float32)
    points[0, ::5] = rng.choice([np.nan, np.inf, -np.inf, 3e38])
    people = People(
        points,
        rng.random((2, count), np.float32),
        points[:, :2].reshape(2, 4),
        np.ones(2),
        ids=np.array([4, 5]),
    )
    image = np.full((60, 80, 3), 128, np.uint8)
    with np.errstate(all='raise'):
        assert draw_people(image, people, boxes=True).shape == image.shape


def test_ids_and_labels():
    people = person([{5: (60, 90), 7: (140, 190)}] * 2, ids=np.array([3, 11]))
    plain = draw_people(black(), people)
    ids = draw_people(black(), people, ids=True)
    assert (ids != plain).any()
    assert np.array_equal(ids, draw_people(black(), people, labels=['3', '11']))
    no_ids = person([{5: (60, 90), 7: (140, 190)}])
    assert np.array_equal(
        draw_people(black(), no_ids, ids=True), draw_people(black(), no_ids)
    )
    # A label at the border is moved inside.
    inside = draw_people(black(), person([{5: (199, 1)}]), labels=['label'])
    assert inside[:, :190].any()


def test_labels_of_any_script():
    """Letters that differ look different; no box stands for them."""
    words = ['a', 'é', 'Ж', 'λ', 'ß', 'ų', '?']
    masks = [text_mask(word, 24) for word in words]
    missing = text_mask('\U000f0000', 24)
    for number, mask in enumerate(masks):
        assert mask.max() == 255
        assert not np.array_equal(mask, missing)
        assert all(not np.array_equal(mask, other) for other in masks[:number])


def test_text_that_does_not_fit():
    small = black(8, 8)
    draw_text(small, 'much too long', (3, 3), (255, 255, 255), 20, (9, 9, 9))
    assert small.any()
    draw_text(small, '', (3, 3), (255, 255, 255), 20)
    draw_text(small, 'two\nlines', (3, 3), (255, 255, 255), 4)


def test_a_font_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / 'font.ttf').write_text('none')
    people = person([{5: (60, 90)}])
    with pytest.raises(UsageError, match='font.ttf cannot be read .*TrueType'):
        draw_people(black(), people, labels=['a'], font=str(tmp_path / 'font.ttf'))
    # Without a font of the system, Pillow's is taken.
    monkeypatch.setattr(text, '_candidates', lambda: ('no such font.ttf',))
    assert text_mask('only here', 17).any()


def test_names_and_scores_of_points():
    """Beside the points that are drawn and in the picture, and nowhere else."""
    image = black(600, 400)
    people = person([{0: (300, 100), 9: (100, 300), 16: (900, 50)}], 0.75)
    plain = draw_people(image, people)
    named = draw_people(image, people, point_labels=True)
    changed = (named != plain).any(2)
    rows, columns = np.nonzero(changed)
    assert changed[80:102, 300:420].any() and changed[280:302, 100:260].any()
    assert rows.max() <= 302 and columns.max() < 480 and columns.min() >= 100
    body = draw_people(image, people, point_labels=True, parts=['hands'])
    assert not body.any()
    # Another score is another text.
    people.scores[0, 0] = 0.85
    assert (draw_people(image, people, point_labels=True)[:102] != named[:102]).any()
