"""A window that shows frames as they are drawn."""

import numpy as np

from .files import OutputError


class Window:
    """By Tk, which comes with Python on most systems.

    Args:
        title: Of the window.

    Attributes:
        closed: The user has closed it, or pressed Escape or q.

    Raises:
        OutputError: There is no display, or no Tk.
    """

    def __init__(self, title: str) -> None:
        try:
            import tkinter
        except ImportError:
            raise OutputError(
                '--show needs Tk: install python3-tk (Debian), python-tk (Homebrew) or '
                "your system's"
            ) from None
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise OutputError(
                f'--show needs a display ({error}): leave it out, or run it where one '
                'is'
            ) from None
        self._errors = tkinter.TclError
        self._photo = tkinter.PhotoImage
        self.closed = False
        self._root.title(title)
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._root.protocol('WM_DELETE_WINDOW', self.close)
        for key in ('<Escape>', 'q'):
            self._root.bind(key, lambda _: self.close())

    def show(self, frame: np.ndarray) -> None:
        """Shows a frame (H, W, 3) uint8 BGR, as large as it is; nothing once the
        window is closed."""
        if self.closed:
            return
        height, width = frame.shape[:2]
        step = max(
            -(-width // self._root.winfo_screenwidth()),
            -(-height // self._root.winfo_screenheight()),
        )
        pixels = np.ascontiguousarray(frame[::step, ::step, ::-1])
        header = f'P6 {pixels.shape[1]} {pixels.shape[0]} 255 '.encode()
        try:
            photo = self._photo(data=header + pixels.tobytes(), format='ppm')
            self._label.configure(image=photo)
            self._shown = photo  # Tk keeps no reference.
            self._root.update()
        except self._errors:
            self.closed = True

    def close(self) -> None:
        """Closes the window."""
        if not self.closed:
            self.closed = True
            self._root.destroy()
