"""The grid that shipped weights lie on, so that they compress."""


def round_off(tensor, steps):
    """The nearest numbers that are whole multiples of a row's step, the
    largest power of two of which ``steps`` are within its root mean square.

    Args:
        tensor (Tensor): (rows, ...).
        steps (float): > 0; as a step is a power of two, up to twice as many.

    Returns:
        Tensor: Of the same shape.

    Raises:
        ValueError: ``steps`` is not > 0.
    """
    if not steps > 0:
        raise ValueError(f'a grid of steps={steps} is none: it must be > 0')
    rows = tensor.flatten(1)
    size = rows.square().mean(1, keepdim=True).sqrt()
    # No step is finer than float16's.
    step = (size / steps).log2().floor().clamp(min=-24).exp2()
    return ((rows / step).round() * step).view_as(tensor)
