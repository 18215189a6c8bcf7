"""A person live in VTuber and game engines, by the Virtual Motion Capture protocol
over OSC (python-osc).

Source: https://protocol.vmc.info/english.

Shapes: N persons, H frames that are remembered, J joints.
"""

from collections import deque
from types import TracebackType

import numpy as np

from ..core.errors import UsageError
from ..core.people import MIN_SCORE, People
from ..core.skeleton import keypoint_names
from ..output import OutputError
from .files.base import library
from .rotations import IS_END, NAMES, fit_rotations
from .track import MotionError

#: Of programs that receive motion.
PORT = 39539
#: The last port.
MOST = 65535
#: Frames by which bones are measured, and for which a hidden one keeps its rotation.
HISTORY = 60
#: Messages sent in one packet: fewer than 1500 bytes.
PACKET = 12
#: Seconds for which nobody takes the place of a person who is lost.
LOST = 1.0
#: From our axes to Unity's: x is to the other side.
_PLACE = np.array((-1, 1, 1))
_TURN = np.array((1, -1, -1, 1))


class VMCSender:
    """Sends the bones of one person, the largest at first, for as long as it is there,
    with the names of Unity's humanoid. Places are metres, y up; the hips start at
    x = z = 0, and the lowest point of the feet is on the ground.

    Args:
        address: ``HOST:PORT``; without port, ``PORT``.

    Raises:
        UsageError: That is no address.
        LibraryMissingError: python-osc is not installed.
    """

    def __init__(self, address: str = f'127.0.0.1:{PORT}') -> None:
        host, _, port = address.partition(':')
        number = int(port) if port.isdecimal() else PORT if not port else 0
        fault = f'no port from 1 to {MOST}: {port}'
        try:
            if 0 < number <= MOST:
                client = library('pythonosc.udp_client')
                self._client = client.UDPClient(host, number)
                fault = ''
        except (OSError, UnicodeError) as error:
            fault = str(error)
        if fault:
            raise UsageError(
                f'{address!r} is no address to send to ({fault}): give HOST:PORT, such '
                f'as 127.0.0.1:{PORT}'
            )
        self.address = address
        self._bundles = library('pythonosc.osc_bundle_builder')
        self._messages = library('pythonosc.osc_message_builder')
        self._person: int | None = None
        self._seen = -np.inf
        self._points: deque[np.ndarray] = deque(maxlen=HISTORY)
        self._times: deque[float] = deque(maxlen=HISTORY)
        self._start: np.ndarray | None = None

    def __enter__(self) -> 'VMCSender':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Sends no more."""
        self._client.close()

    def send(self, people: People, time: float) -> bool:
        """Sends the person in a frame.

        Args:
            people: N persons in 3D; N may be 0.
            time: Of the frame in seconds, later than that of the last.

        Returns:
            Whether the person is there, with both shoulders.

        Raises:
            MotionError: The people are in 2D.
            OutputError: The address cannot be reached.
        """
        number = self._choose(people, time)
        if number is None:
            return False
        space = people.keypoints_3d_cam
        if space is None:
            raise MotionError(
                'bones need points in 3D: run a 3D model, such as rtmw3d-l'
            )
        sure = (people.scores[number] >= MIN_SCORE)[:, None]
        self._points.append(np.where(sure, space[number] * (1.0, -1, -1), np.nan))
        self._times.append(time)
        names = keypoint_names(people.keypoints.shape[1])
        if not sure[
            [names.index(f'{side}_shoulder') for side in ('left', 'right')]
        ].all():
            return False
        animation = fit_rotations(np.stack(self._points), names, np.array(self._times))
        root = animation.root[-1]
        if self._start is None:
            self._start = root
        feet = animation.positions()[:, [name.endswith('ToesEnd') for name in NAMES]]
        ground = np.array((self._start[0], feet[..., 1].min(), self._start[2]))
        places = np.where(np.arange(len(NAMES))[:, None] == 0, 0.0, animation.offsets)
        places[0] = root - ground
        self._send_bones(places * _PLACE, animation.rotations[-1] * _TURN, time)
        return True

    def _choose(self, people: People, time: float) -> int | None:
        """The number of the person who is sent."""
        if self._times and time <= self._times[-1]:
            self._forget()  # Another clip.
        ids = list(range(len(people)) if people.ids is None else people.ids.tolist())
        if self._person not in ids:
            if not ids or time - self._seen < LOST:
                return None
            self._forget()
            sides = people.boxes[:, 2:] - people.boxes[:, :2]
            self._person = ids[int(sides.prod(1).argmax())]
        self._seen = time
        return ids.index(self._person)

    def _forget(self) -> None:
        """Another person is next."""
        self._person, self._seen, self._start = None, -np.inf, None
        self._points.clear()
        self._times.clear()

    def _send_bones(self, places: np.ndarray, turns: np.ndarray, time: float) -> None:
        """Sends all bones.

        Args:
            places: (J, 3) relative to the parent, Unity's axes.
            turns: (J, 4) x, y, z, w.
            time: Seconds.
        """
        messages: list[tuple[str, list]] = [
            ('/VMC/Ext/OK', [1]),
            ('/VMC/Ext/T', [float(time)]),
            ('/VMC/Ext/Root/Pos', ['root', *(0.0,) * 6, 1.0]),
        ]
        for joint in np.flatnonzero(~IS_END):
            values = [*places[joint].tolist(), *turns[joint].tolist()]
            messages.append(('/VMC/Ext/Bone/Pos', [NAMES[joint], *values]))
        for first in range(0, len(messages), PACKET):
            bundle = self._bundles.OscBundleBuilder(self._bundles.IMMEDIATELY)
            for address, values in messages[first : first + PACKET]:
                message = self._messages.OscMessageBuilder(address)
                for value in values:
                    message.add_arg(value)
                bundle.add_content(message.build())
            try:
                self._client.send(bundle.build())
            except BlockingIOError:  # Too fast for the network: the next will do.
                return
            except OSError as error:
                raise OutputError(
                    f'{self.address} cannot be sent to ({error.strerror}): check the '
                    'address and the network'
                ) from None
