"""The page in headless Chromium (`make test-web`)."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from rtmw_ext.core.images import read_image
from support.paths import PEOPLE

playwright = pytest.importorskip(
    'playwright.sync_api', reason='needs Playwright: make test-web'
)
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason='needs Chromium: apt-get install chromium'
)
COMMAND = [sys.executable, '-m', 'rtmw_ext.commands.cli']
NETWORKS = ['--pose', 'rtmw3d-t', '--det', 'rtmdet-nano']
#: Milliseconds in which anything happens.
PATIENCE = 60_000


@pytest.fixture(scope='module')
def address():
    """Of ``rtmw serve``."""
    process = subprocess.Popen(
        [*COMMAND, 'serve', '--port', '0', *NETWORKS],
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if found := re.search(r'http://\S+', line):
            break
    yield found[0]
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope='module')
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=['--no-sandbox', '--enable-webgl', '--ignore-gpu-blocklist'],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport=dict(width=1280, height=1000))
    page.set_default_timeout(PATIENCE)
    elsewhere = []
    page.on(
        'request',
        lambda request: (
            None
            if request.url.startswith((address, 'data:', 'blob:'))
            else elsewhere.append(request.url)
        ),
    )
    page.goto(address)
    yield page
    assert elsewhere == []
    page.close()


def upload(page, path):
    page.locator('input[type=file]').first.set_input_files(str(path))


@pytest.fixture(scope='module')
def infer(tmp_path_factory):
    """What ``rtmw infer`` writes."""
    out = tmp_path_factory.mktemp('infer')
    subprocess.run(
        [*COMMAND, 'infer', str(PEOPLE), *NETWORKS, '--out', str(out)], check=True
    )
    return json.loads((out / f'{PEOPLE.stem}.json').read_text())


def drawn(page):
    """The drawn picture, (H, W, 3)."""
    picture = page.locator('#drawn img').last
    picture.wait_for()
    return page.request.get(picture.get_attribute('src')).body()


def test_points_are_drawn_where_they_are(page, infer, tmp_path):
    upload(page, PEOPLE)
    (tmp_path / 'drawn.png').write_bytes(drawn(page))
    picture = read_image(tmp_path / 'drawn.png').astype(int)
    photo = read_image(PEOPLE).astype(int)
    assert picture.shape == photo.shape
    changed = np.abs(picture - photo).max(2) > 40
    for person in infer:
        for point, score in zip(
            person['keypoints'][5:17], person['keypoint_scores'][5:17]
        ):
            x, y = np.round(point).astype(int)
            if (
                score > 0.5
                and 2 < x < photo.shape[1] - 3
                and 2 < y < photo.shape[0] - 3
            ):
                assert changed[y - 2 : y + 3, x - 2 : x + 3].any()
    # Far from anybody nothing changes.
    assert not changed[:30].any()


def test_a_file_equals_that_of_infer(page, infer):
    upload(page, PEOPLE)
    drawn(page)
    page.get_by_role('button', name='Make the file').click()
    link = page.locator('#file a[href]').first
    link.wait_for()
    content = json.loads(page.request.get(link.get_attribute('href')).body())
    assert len(content) == len(infer) > 0
    for ours, theirs in zip(content, infer):
        assert np.allclose(ours['keypoints'], theirs['keypoints'], atol=0.1)
        assert np.allclose(ours['keypoints_3d'], theirs['keypoints_3d'], atol=0.01)


def test_the_scene_turns(page):
    upload(page, PEOPLE)
    drawn(page)
    page.get_by_role('tab', name='3D').click()
    scene = page.locator('#scene canvas').first
    scene.wait_for()
    page.wait_for_timeout(3000)
    before = scene.screenshot()
    box = scene.bounding_box()
    page.mouse.move(box['x'] + 200, box['y'] + 200)
    page.mouse.down()
    page.mouse.move(box['x'] + 350, box['y'] + 220, steps=5)
    page.mouse.up()
    page.wait_for_timeout(1000)
    assert scene.screenshot() != before


def test_a_broken_file_shows_why(page, tmp_path):
    (tmp_path / 'cut.jpg').write_bytes(PEOPLE.read_bytes()[:3000])
    upload(page, tmp_path / 'cut.jpg')
    page.get_by_text(re.compile('cut.jpg cannot be read|damaged')).first.wait_for()


@pytest.mark.parametrize('width', [360])
def test_on_a_phone(page, width):
    page.set_viewport_size(dict(width=width, height=740))
    upload(page, PEOPLE)
    drawn(page)
    assert page.evaluate('document.documentElement.scrollWidth') <= width
