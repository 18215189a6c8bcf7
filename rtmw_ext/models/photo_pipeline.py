"""Augmentation for people in photos: cut off, covered, blurred, compressed.

Shapes: B persons, n of them that a change meets, K keypoints, S side of a
stored crop, (h, w) the network's input.
"""

import torch
from mmpose.registry import MODELS
from torch.nn import functional as F

from ..core.skeleton import LINKS, NOSE, PARTS
from .data_preprocessor import BatchPipeline, warp

#: Of the silhouettes of :func:`figures`: limbs with their radii, in longer
#: sides of the box; the head is a disc around the nose.
LIMB, TRUNK, HEAD = 0.045, 0.075, 0.085
TRUNK_LINKS = ((5, 11), (6, 12), (5, 6), (11, 12), (5, 12), (6, 11))
#: JPEG's quantisation of luminance at quality 50 (ITU-T T.81, annex K.1).
LUMINANCE = (
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
        truncate_prob (float): Of a border through the person's box.
        paste_prob (float): Of another person of the batch near it.
        occlude_prob (float): Of a piece of another crop over it.
        motion_prob (float): Of motion blur.
        far_prob (float): Of as few pixels as a person far away has.
        jpeg_prob (float): Of JPEG artefacts.
        part_weights (dict[str, float], optional): Factor of the labels of a
            part (``rtmw_ext.core.skeleton.PARTS``); 1 by default.
        kwargs: Of :class:`BatchPipeline`.

    Every probability is met as a fixed share of each batch.
    """

    def __init__(
        self,
        *args,
        truncate_prob=0.25,
        paste_prob=0.15,
        occlude_prob=0.2,
        motion_prob=0.1,
        far_prob=0.1,
        jpeg_prob=0.2,
        part_weights=None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.truncate_prob = truncate_prob
        self.paste_prob = paste_prob
        self.occlude_prob = occlude_prob
        self.degradations = (
            (motion_prob, motion_blur),
            (far_prob, far_away),
            (jpeg_prob, compress),
        )
        factors = torch.ones(len(self.upper))
        for name, weight in (part_weights or {}).items():
            factors[PARTS[name].start : PARTS[name].stop] = weight
        self.register_buffer('point_weights', factors, persistent=False)

    def augment(self, data):
        """As of :class:`BatchPipeline`; ``label_weights`` (B, ) of the data
        multiply the weights of all labels of a person."""
        count = len(data['crops'])
        for prob, change in (
            (self.paste_prob, paste_person),
            (self.occlude_prob, occlude),
            (self.truncate_prob, truncate),
        ):
            rows = torch.randperm(count, device=self.device)[: round(prob * count)]
            if len(rows):
                data = replace(data, rows, change(data, rows))
        return super().augment(data)

    def recolour(self, images):
        images = super().recolour(images)
        for prob, change in self.degradations:
            rows = torch.randperm(len(images), device=images.device)[
                : round(prob * len(images))
            ]
            if len(rows):
                images[rows] = change(images[rows])
        return images

    def encode(self, data, inverse, flipped, roots):
        labels = super().encode(data, inverse, flipped, roots)
        factors = (
            self.point_weights * data['label_weights'][:, None]
            if ('label_weights' in data)
            else self.point_weights
        )
        for name in ('keypoint_weights', 'keypoint_z_weights'):
            if name in labels:
                labels[name] = labels[name] * factors
        return labels


def replace(data, rows, changed):
    """Data whose rows are what ``changed`` has of them; the data that came
    in stay as they were."""
    data = dict(data)
    for name, value in changed.items():
        data[name] = data[name].index_copy(0, rows, value)
    return data


def truncate(data, rows):
    """A photo's border through the box: what lies beyond is black and has no
    labels, the box ends there. Where fewer than four labelled points would be
    left, nothing changes.

    Args:
        data (dict): As of :meth:`BatchPipeline.forward`.
        rows (Tensor): (n, ) of whom.

    Returns:
        dict: What changes of them: ``crops``, ``bboxes``,
        ``keypoints_visible`` and, in 3D, ``keypoints_3d_visible``.
    """
    boxes, points = data['bboxes'][rows], data['keypoints'][rows]
    count, device = len(rows), rows.device
    kept = torch.empty(count, device=device).uniform_(0.3, 0.92)
    # Left, top, right and bottom borders: photos mostly cut off legs.
    side = torch.multinomial(
        torch.tensor([0.2, 0.08, 0.2, 0.52], device=device), count, replacement=True
    )
    far = float(data['crops'].shape[1])
    region = boxes.new_tensor([-far, -far, 2 * far, 2 * far]).repeat(count, 1)
    low, high = boxes[:, :2], boxes[:, 2:]
    ends = torch.cat(
        [high - kept[:, None] * (high - low), low + kept[:, None] * (high - low)], 1
    )
    region.scatter_(1, side[:, None], ends.gather(1, side[:, None]))
    inside = ((points >= region[:, None, :2]) & (points <= region[:, None, 2:])).all(2)
    visible = data['keypoints_visible'][rows]
    enough = ((visible > 0) & inside).sum(1) >= 4
    region = torch.where(
        enough[:, None], region, region.new_tensor([-far, -far, 2 * far, 2 * far])
    )
    inside = inside | ~enough[:, None]
    grid = torch.arange(data['crops'].shape[1], device=device)
    columns = (grid >= region[:, :1]) & (grid <= region[:, 2:3])
    rows_in = (grid >= region[:, 1:2]) & (grid <= region[:, 3:])
    shown = rows_in[:, :, None] & columns[:, None]
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


def figures(data, rows, cells):
    """Rough silhouettes of people: their limbs, trunk and head as far as the
    points are known.

    Args:
        data (dict): As of :meth:`BatchPipeline.forward`.
        rows (Tensor): (n, ) of whom.
        cells (int): Side of the maps.

    Returns:
        Tensor: (n, 1, cells, cells) in [0, 1].
    """
    points = data['keypoints'][rows, :17] * (cells / data['crops'].shape[1])
    known = data['keypoints_visible'][rows, :17] > 0
    boxes = data['bboxes'][rows] * (cells / data['crops'].shape[1])
    length = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    links = [link for link in LINKS['body'] if min(link) >= 5]
    links = [*links, *TRUNK_LINKS, (NOSE, NOSE)]
    radii = (
        points.new_tensor(
            [LIMB] * (len(links) - len(TRUNK_LINKS) - 1)
            + [TRUNK] * len(TRUNK_LINKS)
            + [HEAD]
        )
        * length[:, None]
    )
    start, stop = torch.tensor(links, device=points.device).unbind(1)
    first, step = points[:, start], points[:, stop] - points[:, start]
    grid = (
        torch.stack(
            torch.meshgrid(
                *[torch.arange(cells, device=points.device)] * 2, indexing='xy'
            ),
            -1,
        )
        .reshape(-1, 2)
        .to(points.dtype)
    )
    # (n, links, cells ** 2): how far along a link, then how far from it.
    off = grid - first[:, :, None]
    along = (
        (off * step[:, :, None]).sum(-1) / (step**2).sum(-1).clamp(min=1e-6)[..., None]
    ).clamp(0, 1)
    apart = (off - along[..., None] * step[:, :, None]).norm(dim=-1)
    here = (radii[..., None] - apart + 0.5).clamp(0, 1)
    here = here * (known[:, start] & known[:, stop])[..., None]
    return here.amax(1).view(-1, 1, cells, cells)


def others(data, rows):
    """(n, ) somebody else of the batch for each of ``rows``, by chance."""
    count = len(data['crops'])
    return (rows + int(torch.randint(1, max(count, 2), ()))) % count


def paste_person(data, rows):
    """Somebody else of the batch near a person: in front, or behind it as far
    as its own silhouette goes.

    Args and Returns: as of :func:`truncate`; ``crops`` and
    ``keypoints_visible`` change.
    """
    count, device = len(rows), rows.device
    donors = others(data, rows)
    side = data['crops'].shape[1]
    cells = side // 4
    boxes, theirs = data['bboxes'][rows], data['bboxes'][donors]
    length = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    scale = (theirs[:, 2:] - theirs[:, :2]).amax(1) / (
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
    origin = (theirs[:, :2] + theirs[:, 2:]) / 2 - scale[:, None] * center
    matrix = torch.zeros(count, 3, 3, device=device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale
    matrix[:, :2, 2], matrix[:, 2, 2] = origin, 1
    large = F.interpolate(
        torch.cat([figures(data, rows, cells), figures(data, donors, cells)], 1),
        (side, side),
        mode='bilinear',
    )
    crops = data['crops'][donors].permute(0, 3, 1, 2).float()
    pasted = warp(torch.cat([crops, large[:, 1:]], 1), matrix, (side, side))
    behind = torch.rand(count, 1, 1, 1, device=device) < 0.5
    mask = pasted[:, 3:] * torch.where(behind, 1 - large[:, :1], 1.0)
    return covered(data, rows, pasted[:, :3], mask)


def occlude(data, rows):
    """A piece of another crop of the batch, an ellipse or a rectangle, over a
    person. Args and Returns: as of :func:`paste_person`."""
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
    round_ = (rand[3, :, 0] < 0.5)[:, None, None]
    far = torch.where(round_, (u**2 + v**2).sqrt(), torch.maximum(u.abs(), v.abs()))
    mask = (far < 1).to(boxes.dtype)[:, None]
    donors = data['crops'][others(data, rows)].permute(0, 3, 1, 2).float()
    # From elsewhere in it, or one colour.
    shift = int(torch.randint(side, ()))
    texture = donors.roll((shift, shift // 2), (2, 3))
    plain = 255 * torch.rand(count, 3, 1, 1, device=device)
    texture = torch.where((rand[4, :, 0] < 0.3).view(-1, 1, 1, 1), plain, texture)
    return covered(data, rows, texture, mask)


def covered(data, rows, images, mask):
    """Images (n, 3, S, S) over the crops of some, where the mask
    (n, 1, S, S) in [0, 1] is; points there keep at most half their weight.

    Returns:
        dict: ``crops`` and ``keypoints_visible`` of them.
    """
    crops = data['crops'][rows].permute(0, 3, 1, 2)
    mixed = torch.lerp(crops.float(), images, mask).round_().to(torch.uint8)
    side = mask.shape[3]
    places = data['keypoints'][rows].round().long()
    inside = ((places >= 0) & (places < side)).all(2)
    x, y = places.clamp(0, side - 1).unbind(2)
    hidden = (mask.flatten(1).gather(1, y * side + x) > 0.5) & inside
    visible = data['keypoints_visible'][rows]
    return dict(
        crops=mixed.permute(0, 2, 3, 1),
        keypoints_visible=torch.where(hidden, visible.clamp(max=0.5), visible),
    )


def motion_blur(images):
    """As if the camera or the person moved: the mean along a line of 3 to 15
    pixels, in one direction for all (n, 3, h, w)."""
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


def far_away(images):
    """As if photographed from so far that people are 30 to 90 pixels high,
    where the input is 256: (n, 3, h, w) with 2.8 to 8.5 times fewer."""
    factor = 2.8 * 3 ** float(torch.rand(()))
    size = [max(1, round(side / factor)) for side in images.shape[2:]]
    small = F.interpolate(images, size, mode='area')
    return F.interpolate(small, images.shape[2:], mode='bicubic').clamp_(0, 255)


def compress(images):
    """As JPEG leaves images at a quality of 10 to 50: (n, 3, h, w) in [0, 255]
    with h and w multiples of 8. Colours are quantised as coarsely as light."""
    count, _, height, width = images.shape
    steps = torch.arange(8, device=images.device)
    basis = torch.cos((2 * steps + 1) * steps[:, None] * (torch.pi / 16)) / 2
    basis[0] /= 2**0.5
    quality = torch.empty(count, 1, 1, 1, 1, 1, device=images.device).uniform_(10, 50)
    table = basis.new_tensor(LUMINANCE) * (50 / quality)
    # Luminance and two differences, of which an eye sees less.
    weights = images.new_tensor(
        [[0.114, 0.587, 0.299], [0.5, -0.331, -0.169], [-0.081, -0.419, 0.5]]
    )
    planes = torch.einsum('ij,njhw->nihw', weights, images)
    blocks = planes.view(count, 3, height // 8, 8, width // 8, 8).permute(
        0, 1, 2, 4, 3, 5
    )
    waves = basis @ blocks @ basis.T
    waves = (waves / table).round_() * table
    blocks = basis.T @ waves @ basis
    planes = blocks.permute(0, 1, 2, 4, 3, 5).reshape(planes.shape)
    return torch.einsum('ij,njhw->nihw', torch.linalg.inv(weights), planes).clamp_(
        0, 255
    )
