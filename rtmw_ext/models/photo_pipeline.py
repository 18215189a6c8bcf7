"""Augmentation for people in photos: cut off, covered, blurred, compressed.

Shapes: B persons, n of them that a change meets, K keypoints, S side of a
stored crop, (h, w) the network's input.
"""

from collections.abc import Mapping
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from ..core.skeleton import LINKS, NOSE, PARTS
from .data_preprocessor import GREY, BatchPipeline, draw_rows, warp

#: Radii of silhouettes, in longer sides of the person's box; the head is a disc
#: around the nose.
LIMB_RADIUS, TRUNK_RADIUS, HEAD_RADIUS = 0.045, 0.075, 0.085
TRUNK_LINKS = ((5, 11), (6, 12), (5, 6), (11, 12), (5, 12), (6, 11))
#: JPEG's quantisation of luminance at quality 50 (ITU-T T.81, annex K.1).
LUMINANCE_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


@MODELS.register_module()
class PhotoPipeline(BatchPipeline):
    """:class:`BatchPipeline` with what happens to people in photos.

    In the stored crop: people pasted beside or over a person, or behind it;
    pieces of other crops over it; a photo's border that cuts it off, where
    its box ends too. In the input: motion blur, few pixels, JPEG. Points that
    something covers keep half their weight, those beyond a border have none.

    Source: RTMPose (arXiv 2303.07399), section 3.4, for cutouts; copy-paste
    (arXiv 2012.07177) for pasted people.

    Args:
        *args: Of :class:`BatchPipeline`.
        truncate_prob: Of a border through the person's box.
        paste_prob: Of another person of the batch near it.
        occlude_prob: Of a piece of another crop over it.
        motion_prob: Of motion blur.
        far_prob: Of as few pixels as a person far away has.
        jpeg_prob: Of JPEG artefacts.
        part_weights: {part of ``rtmw_ext.core.skeleton.PARTS``: factor of its
            labels}, 1 by default.
        **kwargs: Of :class:`BatchPipeline`.

    Every probability is met as a fixed share of each batch.
    """

    def __init__(
        self,
        *args: Any,
        truncate_prob: float = 0.25,
        paste_prob: float = 0.15,
        occlude_prob: float = 0.2,
        motion_prob: float = 0.1,
        far_prob: float = 0.1,
        jpeg_prob: float = 0.2,
        part_weights: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.truncate_prob = truncate_prob
        self.paste_prob = paste_prob
        self.occlude_prob = occlude_prob
        self.degradations = (
            (motion_prob, motion_blur),
            (far_prob, reduce_resolution),
            (jpeg_prob, compress_jpeg),
        )
        weights = torch.ones(len(self.upper))
        for name, weight in (part_weights or {}).items():
            weights[PARTS[name].start : PARTS[name].stop] = weight
        self.register_buffer('point_weights', weights, persistent=False)

    def augment(self, data: dict[str, Tensor]) -> dict[str, Any]:
        """As of :class:`BatchPipeline`; ``label_weights`` (B, ) of the data, if
        there, multiply the weights of all labels of a person."""
        for prob, change in (
            (self.paste_prob, paste_person),
            (self.occlude_prob, occlude),
            (self.truncate_prob, truncate),
        ):
            rows = draw_rows(len(data['crops']), prob, self.device)
            if len(rows):
                data = update_rows(data, rows, change(data, rows))
        return super().augment(data)

    def recolour(self, images: Tensor) -> Tensor:
        images = super().recolour(images)
        for prob, degrade in self.degradations:
            rows = draw_rows(len(images), prob, images.device)
            if len(rows):
                images[rows] = degrade(images[rows])
        return images

    def encode(
        self, data: dict[str, Tensor], inverse: Tensor, flipped: Tensor, roots: Tensor
    ) -> dict[str, Tensor]:
        labels = super().encode(data, inverse, flipped, roots)
        factors = self.point_weights
        if 'label_weights' in data:
            factors = factors * data['label_weights'][:, None]
        for name in ('keypoint_weights', 'keypoint_z_weights'):
            if name in labels:
                labels[name] = labels[name] * factors
        return labels


def update_rows(
    data: dict[str, Tensor], rows: Tensor, changed: dict[str, Tensor]
) -> dict[str, Tensor]:
    """A batch with other values in some rows; the batch itself stays as it was.

    Args:
        data: (B, ...) each.
        rows: (n, ) of the batch.
        changed: (n, ...) each, the new values; other fields are kept.
    """
    data = dict(data)
    for name, value in changed.items():
        data[name] = data[name].index_copy(0, rows, value)
    return data


def truncate(data: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """A photo's border through the box: what lies beyond is black and has no
    labels, the box ends there. Where fewer than four labelled points would be
    left, nothing changes.

    Args:
        data: As of :meth:`BatchPipeline.forward`.
        rows: (n, ) of the persons.

    Returns:
        What changes of them: ``crops``, ``bboxes``, ``keypoints_visible`` and,
        in 3D, ``keypoints_3d_visible``.
    """
    boxes, points = data['bboxes'][rows], data['keypoints'][rows]
    count, device = len(rows), rows.device
    kept = torch.empty(count, device=device).uniform_(0.3, 0.92)
    # Left, top, right and bottom borders: photos mostly cut off legs.
    side = torch.multinomial(
        torch.tensor([0.2, 0.08, 0.2, 0.52], device=device), count, replacement=True
    )
    size = data['crops'].shape[1]
    everything = boxes.new_tensor([-size, -size, 2 * size, 2 * size])
    region = everything.repeat(count, 1)
    low, high = boxes[:, :2], boxes[:, 2:]
    borders = torch.cat(
        [high - kept[:, None] * (high - low), low + kept[:, None] * (high - low)], 1
    )
    region.scatter_(1, side[:, None], borders.gather(1, side[:, None]))
    inside = ((points >= region[:, None, :2]) & (points <= region[:, None, 2:])).all(2)
    visible = data['keypoints_visible'][rows]
    enough = ((visible > 0) & inside).sum(1) >= 4
    region = torch.where(enough[:, None], region, everything)
    inside = inside | ~enough[:, None]
    grid = torch.arange(size, device=device)
    in_x = (grid >= region[:, :1]) & (grid <= region[:, 2:3])
    in_y = (grid >= region[:, 1:2]) & (grid <= region[:, 3:])
    shown = in_y[:, :, None] & in_x[:, None]
    changed = dict(
        crops=data['crops'][rows] * shown[..., None],
        bboxes=torch.cat(
            [torch.maximum(low, region[:, :2]), torch.minimum(high, region[:, 2:])], 1
        ),
        keypoints_visible=visible * inside,
    )
    if 'keypoints_3d_visible' in data:
        changed['keypoints_3d_visible'] = data['keypoints_3d_visible'][rows] * inside
    return changed


def draw_silhouettes(data: dict[str, Tensor], rows: Tensor, size: int) -> Tensor:
    """Rough silhouettes of people: their limbs, trunk and head as far as the
    points are known.

    Args:
        data: As of :meth:`BatchPipeline.forward`.
        rows: (n, ) of the persons.
        size: Side of the silhouettes in pixels.

    Returns:
        (n, 1, size, size) in [0, 1].
    """
    body = PARTS['body'].stop
    scale = size / data['crops'].shape[1]
    points = data['keypoints'][rows, :body] * scale
    known = data['keypoints_visible'][rows, :body] > 0
    boxes = data['bboxes'][rows] * scale
    length = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    limbs = [link for link in LINKS['body'] if min(link) >= 5]
    links = [*limbs, *TRUNK_LINKS, (NOSE, NOSE)]
    radii = (
        points.new_tensor(
            [LIMB_RADIUS] * len(limbs)
            + [TRUNK_RADIUS] * len(TRUNK_LINKS)
            + [HEAD_RADIUS]
        )
        * length[:, None]
    )
    start, stop = torch.tensor(links, device=points.device).unbind(1)
    first, step = points[:, start], points[:, stop] - points[:, start]
    x, y = torch.meshgrid(
        *[torch.arange(size, device=points.device)] * 2, indexing='xy'
    )
    grid = torch.stack([x, y], -1).reshape(-1, 2).to(points.dtype)
    # (n, links, size ** 2): how far along a link, then how far from it.
    offset = grid - first[:, :, None]
    along = (offset * step[:, :, None]).sum(-1)
    along = (along / (step**2).sum(-1).clamp(min=1e-6)[..., None]).clamp(0, 1)
    distance = (offset - along[..., None] * step[:, :, None]).norm(dim=-1)
    cover = (radii[..., None] - distance + 0.5).clamp(0, 1)
    cover = cover * (known[:, start] & known[:, stop])[..., None]
    return cover.amax(1).view(-1, 1, size, size)


def draw_donors(data: dict[str, Tensor], rows: Tensor) -> Tensor:
    """(n, ) another person of the batch for each of ``rows``, at random."""
    count = len(data['crops'])
    return (rows + int(torch.randint(1, max(count, 2), ()))) % count


def paste_person(data: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Another person of the batch near each person: in front, or behind it as
    far as its own silhouette goes.

    Args:
        data: As of :meth:`BatchPipeline.forward`.
        rows: (n, ) of the persons.

    Returns:
        What changes of them: ``crops`` and ``keypoints_visible``.
    """
    count, device = len(rows), rows.device
    donors = draw_donors(data, rows)
    side = data['crops'].shape[1]
    boxes, donor_boxes = data['bboxes'][rows], data['bboxes'][donors]
    length = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    scale = (donor_boxes[:, 2:] - donor_boxes[:, :2]).amax(1) / (
        length * torch.empty(count, device=device).uniform_(0.6, 1.3)
    )
    width = boxes[:, 2] - boxes[:, 0]
    sign = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    shift = torch.stack(
        [
            sign * torch.empty(count, device=device).uniform_(0.25, 1.0) * width,
            torch.empty(count, device=device).uniform_(-0.25, 0.25) * length,
        ],
        1,
    )
    center = (boxes[:, :2] + boxes[:, 2:]) / 2 + shift
    donor_center = (donor_boxes[:, :2] + donor_boxes[:, 2:]) / 2
    matrix = torch.zeros(count, 3, 3, device=device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale
    matrix[:, :2, 2] = donor_center - scale[:, None] * center
    matrix[:, 2, 2] = 1
    silhouettes = torch.cat(
        [draw_silhouettes(data, persons, side // 4) for persons in (rows, donors)], 1
    )
    silhouettes = F.interpolate(silhouettes, (side, side), mode='bilinear')
    crops = data['crops'][donors].permute(0, 3, 1, 2).float()
    pasted = warp(torch.cat([crops, silhouettes[:, 1:]], 1), matrix, (side, side))
    behind = torch.rand(count, 1, 1, 1, device=device) < 0.5
    mask = pasted[:, 3:] * torch.where(behind, 1 - silhouettes[:, :1], 1.0)
    return composite(data, rows, pasted[:, :3], mask)


def occlude(data: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """A piece of another crop of the batch, an ellipse or a rectangle, over each
    person.

    Args:
        data: As of :meth:`BatchPipeline.forward`.
        rows: (n, ) of the persons.

    Returns:
        What changes of them: ``crops`` and ``keypoints_visible``.
    """
    count, device = len(rows), rows.device
    side = data['crops'].shape[1]
    boxes = data['bboxes'][rows]
    size = boxes[:, 2:] - boxes[:, :2]
    rand = torch.rand(5, count, 2, device=device)
    center = boxes[:, :2] + size * rand[0]
    # Half axes, at most half the box's longer side; thin ones are poles.
    half = (0.03 + 0.22 * rand[1]) * size.amax(1, keepdim=True)
    angle = 3.1416 * rand[2, :, 0]
    cos, sin = (f(angle)[:, None, None] for f in (torch.cos, torch.sin))
    grid = torch.arange(side, device=device, dtype=boxes.dtype)
    x = grid[None, None, :] - center[:, 0, None, None]
    y = grid[None, :, None] - center[:, 1, None, None]
    u = (cos * x + sin * y) / half[:, 0, None, None]
    v = (cos * y - sin * x) / half[:, 1, None, None]
    is_ellipse = (rand[3, :, 0] < 0.5)[:, None, None]
    radius = torch.where(
        is_ellipse, (u**2 + v**2).sqrt(), torch.maximum(u.abs(), v.abs())
    )
    mask = (radius < 1).to(boxes.dtype)[:, None]
    donors = data['crops'][draw_donors(data, rows)].permute(0, 3, 1, 2).float()
    # From elsewhere in it, or one colour.
    shift = int(torch.randint(side, ()))
    texture = donors.roll((shift, shift // 2), (2, 3))
    plain = 255 * torch.rand(count, 3, 1, 1, device=device)
    texture = torch.where((rand[4, :, 0] < 0.3).view(-1, 1, 1, 1), plain, texture)
    return composite(data, rows, texture, mask)


def composite(
    data: dict[str, Tensor], rows: Tensor, images: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """Blends images over the crops of some persons. Points that the mask covers
    keep at most half their weight.

    Args:
        data: As of :meth:`BatchPipeline.forward`.
        rows: (n, ) of the persons.
        images: (n, 3, S, S) in [0, 255].
        mask: (n, 1, S, S) opacity in [0, 1].

    Returns:
        What changes of them: ``crops`` and ``keypoints_visible``.
    """
    crops = data['crops'][rows].permute(0, 3, 1, 2)
    blended = torch.lerp(crops.float(), images, mask).round_().to(torch.uint8)
    side = mask.shape[3]
    pixels = data['keypoints'][rows].round().long()
    inside = ((pixels >= 0) & (pixels < side)).all(2)
    x, y = pixels.clamp(0, side - 1).unbind(2)
    hidden = (mask.flatten(1).gather(1, y * side + x) > 0.5) & inside
    visible = data['keypoints_visible'][rows]
    return dict(
        crops=blended.permute(0, 2, 3, 1),
        keypoints_visible=torch.where(hidden, visible.clamp(max=0.5), visible),
    )


def motion_blur(images: Tensor) -> Tensor:
    """As if the camera or the person moved: the mean along a line of 3 to 15
    pixels, in one direction for all images (n, 3, h, w)."""
    length = int(torch.randint(3, 16, ()))
    angle = float(torch.rand(())) * 3.1416
    x, y = (torch.linspace(-0.5, 0.5, length) * (length - 1))[None] * torch.cos(
        torch.tensor([[angle], [angle - 1.5708]])
    )
    reach = length // 2 + 1
    padded = F.pad(images, (reach,) * 4, mode='replicate')
    height, width = images.shape[2:]
    return (
        sum(
            padded[
                ...,
                reach + down : reach + down + height,
                reach + right : reach + right + width,
            ]
            for right, down in zip(x.round().int().tolist(), y.round().int().tolist())
        )
        / length
    )


def reduce_resolution(images: Tensor) -> Tensor:
    """As if photographed from so far that people are 30 to 90 pixels high,
    where the input is 256: images (n, 3, h, w) in [0, 255] with 2.8 to 8.5 times
    fewer pixels a side."""
    factor = 2.8 * 3 ** float(torch.rand(()))
    size = [max(1, round(side / factor)) for side in images.shape[2:]]
    small = F.interpolate(images, size, mode='area')
    return F.interpolate(small, images.shape[2:], mode='bicubic').clamp_(0, 255)


def compress_jpeg(images: Tensor) -> Tensor:
    """As JPEG leaves images at a quality of 10 to 50. Colours are quantised as
    coarsely as light.

    Args:
        images: (n, 3, h, w) BGR in [0, 255], h and w multiples of 8.
    """
    count, _, height, width = images.shape
    steps = torch.arange(8, device=images.device)
    basis = torch.cos((2 * steps + 1) * steps[:, None] * (torch.pi / 16)) / 2
    basis[0] /= 2**0.5
    quality = torch.empty(count, 1, 1, 1, 1, 1, device=images.device).uniform_(10, 50)
    table = basis.new_tensor(LUMINANCE_TABLE) * (50 / quality)
    # Luminance and two differences, of which an eye sees less.
    weights = images.new_tensor([GREY, [0.5, -0.331, -0.169], [-0.081, -0.419, 0.5]])
    planes = torch.einsum('ij,njhw->nihw', weights, images)
    blocks = planes.view(count, 3, height // 8, 8, width // 8, 8).permute(
        0, 1, 2, 4, 3, 5
    )
    coefficients = basis @ blocks @ basis.T
    coefficients = (coefficients / table).round_() * table
    blocks = basis.T @ coefficients @ basis
    planes = blocks.permute(0, 1, 2, 4, 3, 5).reshape(planes.shape)
    return torch.einsum('ij,njhw->nihw', torch.linalg.inv(weights), planes).clamp_(
        0, 255
    )
