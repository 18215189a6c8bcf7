"""Bones sent over the network, as a receiver sees them."""

import socket

import numpy as np
import pytest
from pythonosc.osc_packet import OscPacket
from scipy.spatial.transform import Rotation

from rtmw_ext.core.errors import UsageError
from rtmw_ext.core.people import People
from rtmw_ext.motion import MotionError
from rtmw_ext.motion.live import LOST, VMCSender
from rtmw_ext.motion.rotations import IS_END, NAMES, PARENTS
from support.motion import motion_of, moving_animation, points_of, track_of

TIMES = np.arange(4) / 30


@pytest.fixture
def receiver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(('127.0.0.1', 0))
        server.settimeout(5)
        yield server


@pytest.fixture
def sender(receiver):
    with VMCSender(f'127.0.0.1:{receiver.getsockname()[1]}') as sender:
        yield sender


def receive(server):
    """The messages of a frame: {address: values of each}."""
    messages = {}
    bones = (~IS_END).sum()
    while len(messages.get('/VMC/Ext/Bone/Pos', ())) < bones:
        packet = server.recv(65536)
        assert len(packet) < 1500
        for timed in OscPacket(packet).messages:
            message = timed.message
            messages.setdefault(message.address, []).append(list(message))
    return messages


def frames_of(seed=0, number=3, times=TIMES):
    """People of frames, and the animation they follow."""
    animation = moving_animation(seed, times)
    points = points_of(animation)
    track = track_of(number, points, np.arange(len(times)), times)
    motion = motion_of(track, times=times)
    return [frame.people for frame in motion.to_people()], animation


def test_a_receiver_sees_the_person(receiver, sender):
    frames, animation = frames_of()
    places = animation.positions()
    for number, (people, time) in enumerate(zip(frames, TIMES)):
        assert sender.send(people, time)
        messages = receive(receiver)
        assert messages['/VMC/Ext/OK'] == [[1]]
        assert messages['/VMC/Ext/T'] == [[pytest.approx(time)]]
        (root,) = messages['/VMC/Ext/Root/Pos']
        assert root == ['root', 0, 0, 0, 0, 0, 0, 1]
        bones = {name: values for name, *values in messages['/VMC/Ext/Bone/Pos']}
        assert list(bones) == [n for n, end in zip(NAMES, IS_END) if not end]
        found, turns = {}, {}
        for name, parent in zip(NAMES, PARENTS):
            if name not in bones:
                continue
            place, turn = np.array(bones[name][:3]), Rotation.from_quat(bones[name][3:])
            if parent < 0:
                found[name], turns[name] = place, turn
            else:
                above = NAMES[parent]
                found[name] = found[above] + turns[above].apply(place)
                turns[name] = turns[above] * turn
        # Unity's x is to the other side; the place is relative.
        truth = places[number] * (-1, 1, 1)
        truth -= truth[0]
        for name, place in found.items():
            np.testing.assert_allclose(
                place - found['Hips'], truth[NAMES.index(name)], atol=1e-4
            )
    # The hips start above the origin, their height over the feet.
    moved = (places[-1, 0] - places[0, 0]) * (-1, 0, 1)
    toes = [NAMES.index(f'{side}ToesEnd') for side in ('Left', 'Right')]
    moved[1] = places[-1, 0, 1] - places[:, toes, 1].min()
    np.testing.assert_allclose(found['Hips'], moved, atol=1e-4)


def rotation_of(messages, name):
    (values,) = (row for row in messages['/VMC/Ext/Bone/Pos'] if row[0] == name)
    return np.array(values[4:])


def test_a_hand_that_is_hidden_stays_as_it_was(receiver, sender):
    frames, _ = frames_of()
    sender.send(frames[0], 0.0)
    before = rotation_of(receive(receiver), 'LeftIndexProximal')
    assert np.abs(before[:3]).max() > 0.01
    frames[1].scores[0, 91:112] = 0.1
    sender.send(frames[1], 0.1)
    after = rotation_of(receive(receiver), 'LeftIndexProximal')
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_one_person_is_followed(sender):
    """The largest at first; another one only when it is gone."""
    small, _ = frames_of(1, number=5)
    large, _ = frames_of(2, number=9)
    both = [People.concatenate(pair) for pair in zip(small, large)]
    both[0].boxes[:] = (0, 0, 10, 10), (0, 0, 90, 90)
    both[1].boxes[:] = (0, 0, 99, 99), (0, 0, 9, 9)
    assert sender.send(both[0], 0.0)
    sent = []
    sender._send_bones = lambda places, turns, time: sent.append(turns)
    assert sender.send(both[1], 0.1) and sender.send(large[1], 0.2)
    np.testing.assert_allclose(sent[0], sent[1], atol=1e-5)
    assert not sender.send(small[2], 0.3)
    assert not sender.send(small[2], 0.1 + LOST)
    assert not sender.send(small[2][:0], 0.3 + LOST)
    assert sender.send(small[2], 0.3 + LOST)
    # Another clip starts again.
    assert sender.send(both[0], 0.0)


def test_shoulders_are_needed(sender):
    frames, _ = frames_of()
    frames[0].scores[0, 5] = 0
    assert not sender.send(frames[0], 0.0)
    assert sender.send(frames[1], 0.1)
    frames[2].scores[0, 6] = 0
    assert not sender.send(frames[2], 0.2)


def test_a_person_behind_a_desk(receiver, sender):
    frames, animation = frames_of()
    frames[0].scores[0, 11:23] = 0
    assert sender.send(frames[0], 0.0)
    messages = receive(receiver)
    np.testing.assert_allclose(
        np.abs(rotation_of(messages, 'LeftIndexDistal')),
        np.abs(animation.rotations[0, NAMES.index('LeftIndexDistal')]),
        atol=2e-3,
    )
    np.testing.assert_allclose(rotation_of(messages, 'LeftLowerLeg'), (0, 0, 0, 1))


def test_2d_is_refused(sender):
    frames, _ = frames_of()
    frames[0].keypoints_3d_cam = None
    with pytest.raises(MotionError, match='3D'):
        sender.send(frames[0], 0.0)


@pytest.mark.parametrize(
    'address',
    ['127.0.0.1:many', '127.0.0.1:0', '127.0.0.1:70000', 'no such host:80', '::1'],
)
def test_addresses(address):
    with pytest.raises(UsageError, match='give HOST:PORT'):
        VMCSender(address)
