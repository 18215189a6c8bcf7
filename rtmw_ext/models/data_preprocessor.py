"""Augmentation and label encoding of a whole batch, on the training device.

One process warps a few hundred crops a second; a GPU trains on thousands. With
crops stored at a fixed size (:class:`rtmw_ext.datasets.CropDataset`) the rest
of the pipeline is a few tensor operations.

Shapes: B persons, K keypoints, S side of a stored crop, (h, w) the network's
input, W bins of an axis.
"""

import math
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmpose.codecs import SimCCLabel
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn import functional as F

from ..codecs.simcc3d import SimCC3DLabel
from ..core.crops import PADDING
from ..core.errors import ConfigError
from ..core.skeleton import MIN_VISIBLE, MIRRORED, PARTS, ROOTS, TILTS, UPRIGHT

GREY = (0.114, 0.587, 0.299)  # of blue, green and red (ITU-R BT.601)


@MODELS.register_module()
class BatchPipeline(PoseDataPreprocessor):
    """Preprocessor that turns stored crops into training input and labels.

    Geometry is drawn as mmpose's ``RandomFlip``, ``RandomHalfBody`` and
    ``RandomBBoxTransform`` draw it, and warped as ``TopdownAffine`` does. All
    labels of the batch are in one :class:`PoseDataSample`. Batches without
    crops, as evaluation has them, go through mmpose's preprocessor.

    Source: RTMPose (arXiv 2303.07399), section 3.4, for the augmentation.

    Args:
        codec: The SimCC codec; its ``input_size`` is (w, h) or, in 3D,
            (w, h, d).
        metainfo: Of the dataset, for the mirrored point of each point
            and the two halves of a body.
        shift_factor: Largest shift in parts of the box.
        scale_factor: Least and largest box scale.
        rotate_factor: Largest rotation in degrees.
        half_body_prob: Of a crop of half the body.
        part_prob: Of a crop of the face or of a hand, one that is
            seen, as :mod:`rtmw_ext.core.second_look` takes them: more or less
            upright, right hands mirrored, z from the nose or the wrist
            (``ROOTS``).
        part_scale: Least and largest side of such a
            crop's box, in longer sides of the part.
        part_room: How much of the room around the part in such a box its place may
            use up, in [0, 1]: what a look that erred much leaves to the next.
        colour: Strength of the photometric changes, 0 (none) to 1.
        dropout_prob: Of one black rectangle.
        **kwargs: Of mmpose's preprocessor.
    """

    def __init__(
        self,
        codec: dict,
        metainfo: dict = dict(from_file='configs/_base_/datasets/coco_wholebody.py'),
        shift_factor: float = 0.16,
        scale_factor: tuple[float, float] = (0.5, 1.5),
        rotate_factor: float = 90.0,
        half_body_prob: float = 0.3,
        part_prob: float = 0.0,
        part_scale: tuple[float, float] = (1.6, 4.8),
        part_room: float = 0.0,
        colour: float = 1.0,
        dropout_prob: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.codec = KEYPOINT_CODECS.build(codec)
        self.size = tuple(self.codec.input_size[:2])
        self.shift_factor = shift_factor
        self.scale_factor = scale_factor
        self.rotate_factor = rotate_factor
        self.half_body_prob = half_body_prob
        self.part_prob = part_prob
        self.part_scale = part_scale
        self.part_room = part_room
        self.colour = colour
        self.dropout_prob = dropout_prob
        meta = parse_pose_metainfo(metainfo)
        upper = torch.zeros(meta['num_keypoints'], dtype=torch.bool)
        upper[meta['upper_body_ids']] = True
        self.register_buffer('upper', upper, persistent=False)
        parts = torch.zeros(len(ROOTS), len(upper), dtype=torch.bool)
        for row, name in zip(parts, ROOTS):
            row[PARTS[name].start : PARTS[name].stop] = True
        self.register_buffer('parts', parts, persistent=False)
        self.register_buffer(
            'flip_indices', torch.tensor(meta['flip_indices']), persistent=False
        )

    def forward(self, data: dict, training: bool = False) -> dict:
        """Augments and labels a batch of crops.

        Args:
            data: ``crops`` (B, S, S, 3) uint8 BGR, ``bboxes`` (B, 4)
                x1, y1, x2, y2, ``keypoints`` (B, K, 2), both in pixels of the
                crop, ``keypoints_visible`` (B, K), 1 where seen, less where
                hidden, 0 where unknown, and, in 3D,
                ``keypoints_3d`` (B, K, 3) in metres and
                ``keypoints_3d_visible`` (B, K).
            training: Whether to augment.

        Returns:
            ``inputs`` (B, 3, h, w), normalised, and ``data_samples``, a
            list of one sample with the labels of B instances.
        """
        if 'crops' not in data:
            return super().forward(data, training)
        data = {
            key: value.to(self.device, non_blocking=True) for key, value in data.items()
        }
        if not training:
            raise ConfigError(
                'BatchPipeline only trains on stored crops; '
                'evaluate on a dataset with images'
            )
        # In the bfloat16 of a training step, places would be off by a pixel.
        with torch.autocast(self.device.type, enabled=False):
            return self.augment(data)

    def augment(self, data: dict[str, Tensor]) -> dict[str, Any]:
        """As of ``forward``, of data that are on the device."""
        boxes, roots, tilts = self.draw_boxes(data)
        matrix = self.draw_geometry(boxes, roots, tilts)
        flipped = matrix.det() < 0
        images = warp(data['crops'].permute(0, 3, 1, 2).float(), matrix, self.size)
        images = drop_rectangle(self.recolour(images).clamp_(0, 255), self.dropout_prob)
        if self._channel_conversion:
            images = images.flip(1)
        inverse = torch.linalg.inv(matrix)
        labels = self.encode(data, inverse, flipped, roots)
        sample = PoseDataSample()
        sample.gt_instance_labels = InstanceData(**labels)
        return dict(inputs=images.sub_(self.mean).div_(self.std), data_samples=[sample])

    def draw_geometry(self, boxes: Tensor, roots: Tensor, tilts: Tensor) -> Tensor:
        """What ``draw_boxes`` gives -> (B, 3, 3): pixels of the input ->
        pixels of the stored crop."""
        count = len(boxes)

        def rand():
            return torch.rand(count, device=boxes.device)

        center = (boxes[:, :2] + boxes[:, 2:]) / 2
        sides = (boxes[:, 2:] - boxes[:, :2]) * PADDING
        width, height = self.size
        scale = torch.maximum(sides[:, 0] / width, sides[:, 1] / height)
        span = scale[:, None] * scale.new_tensor(self.size)
        # The probabilities are RandomBBoxTransform's defaults.
        shift = truncated_normal(count, 2, device=boxes.device)
        shift = shift * self.shift_factor * (rand() < 0.3)[:, None]
        center = center + shift * span
        low, high = self.scale_factor
        factor = truncated_normal(count, 1, device=boxes.device)[:, 0]
        scale = scale * ((high - low) / 2 * factor + (high + low) / 2)
        angle = truncated_normal(count, 1, device=boxes.device)[:, 0]
        most, flip = self.rotate_factor * (rand() < 0.6), rand() < 0.5
        for name, root in ROOTS.items():
            is_part = roots == root
            most = torch.where(is_part, TILTS[name], most)
            # A hand on its own is always shown as a left one.
            flip = torch.where(is_part, MIRRORED.get(name, flip), flip)
        angle = tilts + torch.deg2rad(most * angle)
        mirror = torch.where(flip, -1.0, 1.0)
        cos, sin = scale * angle.cos(), scale * angle.sin()
        matrix = boxes.new_zeros(count, 3, 3)
        # Mirrored about the middle of the pixel grid, as an image flip is.
        middle_x = width / 2 - (mirror < 0).to(scale.dtype)
        matrix[:, 0, 0], matrix[:, 0, 1] = cos * mirror, -sin
        matrix[:, 1, 0], matrix[:, 1, 1] = sin * mirror, cos
        middle = torch.stack([middle_x, torch.full_like(middle_x, height / 2.0)], dim=1)
        matrix[:, :2, 2] = center - (matrix[:, :2, :2] @ middle[:, :, None])[..., 0]
        matrix[:, 2, 2] = 1
        return matrix

    def draw_boxes(self, data: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (B, 4) of persons, of half a body and of parts; and (B, )
        the root of z of a part, -1 where it is the person's; and the part's
        tilt in radians, 0 of persons."""
        boxes, points = data['bboxes'], data['keypoints']
        visible = data['keypoints_visible'] > 0
        count = len(boxes)
        rand = torch.rand(2, count, device=boxes.device)
        upper = rand[0] < 0.7
        chosen = visible & (self.upper == upper[:, None])
        low, high = extent(points, chosen)
        # As in RandomHalfBody: enough points, and a little room around them.
        use = (rand[1] < self.half_body_prob) & (chosen.sum(1) >= 8)
        room = (high - low) * 0.25
        half = torch.cat([low - room, high + room], dim=1)
        boxes = torch.where(use[:, None], half, boxes)
        roots = torch.full((count,), -1, device=boxes.device)
        tilts = boxes.new_zeros(count)
        if not self.part_prob:
            return boxes, roots, tilts
        rand = torch.rand(4 + len(ROOTS), count, 1, device=boxes.device)
        # A part behind the body teaches nothing.
        seen = (data['keypoints_visible'] >= 1).float() @ self.parts.float().T
        clear = seen >= MIN_VISIBLE * self.parts.sum(1)
        part = (rand[4:, :, 0].T * clear).argmax(1)
        chosen = visible & self.parts[part]
        low, high = extent(points, chosen)
        use = (rand[0, :, 0] < self.part_prob) & clear.any(1)
        longer = (high - low).amax(1, keepdim=True).clamp(min=4)
        # A prediction errs in proportion to its box: by a third of a hand in a
        # wide one.
        least, most = self.part_scale
        center = (low + high) / 2
        side = longer * least * (most / least) ** rand[3]
        reach = side * 0.2 + self.part_room * (side - longer)
        center = center + reach * (torch.cat([rand[1], rand[2]], dim=1) - 0.5)
        square = torch.cat([center - side / 2, center + side / 2], dim=1)
        roots = torch.where(use, roots.new_tensor(list(ROOTS.values()))[part], roots)
        ends = part.new_tensor([UPRIGHT[name] for name in ROOTS])[part]
        start, stop = points.gather(1, ends[..., None].expand(-1, -1, 2)).unbind(1)
        x, y = (stop - start).unbind(1)
        tilts = torch.where(
            use & visible.gather(1, ends).all(1), torch.atan2(x, -y), tilts
        )
        return torch.where(use[:, None], square, boxes), roots, tilts

    def recolour(self, images: Tensor) -> Tensor:
        """Random light, contrast, saturation, tint, blur, detail and noise."""
        if not self.colour:
            return images
        count = len(images)

        def factors(width, *shape):
            noise = torch.rand(count, *shape, 1, 1, device=images.device)
            return 1 + self.colour * width * (2 * noise - 1)

        def in_share(share):
            return (
                torch.rand(count, 1, 1, 1, device=images.device) < share * self.colour
            )

        weights = images.new_tensor(GREY).view(1, 3, 1, 1)
        grey = (images * weights).sum(1, keepdim=True)
        saturation = torch.where(in_share(0.1), 0.0, factors(0.5, 1))
        # In place where it can be: a CPU waits for memory here.
        images = torch.lerp(grey, images, saturation)
        mean = images.mean((1, 2, 3), keepdim=True)
        contrast, light = factors(0.5, 1), factors(0.5, 1) * factors(0.2, 3)
        images.mul_(contrast * light).add_(mean * (1 - contrast) * light)
        images.clamp_(0, 255).div_(255).pow_(factors(0.4, 1)).mul_(255)
        for share, change in ((0.2, coarsen), (0.3, blur), (0.3, add_noise)):
            rows = draw_rows(count, share * self.colour, images.device)
            if len(rows):
                images[rows] = change(images[rows])
        return images

    def encode(
        self, data: dict[str, Tensor], inverse: Tensor, flipped: Tensor, roots: Tensor
    ) -> dict[str, Tensor]:
        """The codec's labels, for all persons at once."""
        swap = torch.where(
            flipped[:, None],
            self.flip_indices,
            torch.arange(len(self.flip_indices), device=inverse.device),
        )

        def swapped(name):
            value = data[name]
            index = swap if value.ndim == 2 else swap[..., None].expand_as(value)
            return value.gather(1, index)

        points = (
            swapped('keypoints') @ inverse[:, :2, :2].transpose(1, 2)
            + inverse[:, None, :2, 2]
        )
        labels = plane_labels(self.codec, points, swapped('keypoints_visible').float())
        if 'keypoints_3d' in data:
            # A point beyond the crop's border has no z either.
            outside = swapped('keypoints_visible') > labels['keypoint_weights']
            # Of a mirrored part the root is the other wrist.
            roots = torch.where(
                roots < 0, roots, swap.gather(1, roots.clamp(min=0)[:, None])[:, 0]
            )
            labels.update(
                depth_labels(
                    self.codec,
                    swapped('keypoints_3d')[..., 2],
                    swapped('keypoints_3d_visible') >= 0.5,
                    outside,
                    roots,
                )
            )
        return labels


def draw_rows(count: int, share: float, device: torch.device) -> Tensor:
    """(n, ) rows of a batch of ``count`` at random: a fixed share of it, so that
    no mask is read back from the device."""
    return torch.randperm(count, device=device)[: round(share * count)]


def extent(points: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Least and greatest x and y, (B, 2) each, of the chosen (B, K) of points
    (B, K, 2); huge, and the least above the greatest, where none is chosen."""
    far = torch.finfo(points.dtype).max
    return (
        points.masked_fill(~chosen[..., None], far).amin(1),
        points.masked_fill(~chosen[..., None], -far).amax(1),
    )


def plane_labels(
    codec: SimCCLabel | SimCC3DLabel, points: Tensor, visible: Tensor
) -> dict:
    """The x and y labels that ``codec.encode`` gives, from tensors.

    Args:
        codec: Gaussian, not normalised.
        points: (B, K, 2) in pixels of the input.
        visible: (B, K) weights; below 0.5 there is no label.

    Returns:
        ``keypoint_x_labels`` (B, K, W), ``keypoint_y_labels`` and
        ``keypoint_weights`` (B, K).
    """
    centers = (points * codec.simcc_split_ratio).round()
    bins = [round(size * codec.simcc_split_ratio) for size in codec.input_size[:2]]
    labelled = visible >= 0.5
    inside = torch.ones_like(labelled)
    for axis, count in enumerate(bins):
        reach = 3 * float(codec.sigma[axis])
        inside &= (centers[..., axis] - reach < count) & (
            centers[..., axis] + reach + 1 >= 0
        )
    x, y = (
        gaussian(centers[..., axis], labelled & inside, count, float(codec.sigma[axis]))
        for axis, count in enumerate(bins)
    )
    return dict(
        keypoint_x_labels=x,
        keypoint_y_labels=y,
        keypoint_weights=visible.masked_fill(labelled & ~inside, 0),
    )


def depth_labels(
    codec: SimCC3DLabel,
    z: Tensor,
    known: Tensor,
    outside: Tensor,
    roots: Tensor | None = None,
) -> dict:
    """The z labels that ``SimCC3DLabel.encode`` gives, from tensors.

    Args:
        codec: Not normalised.
        z: (B, K) in metres, up to an offset for each person.
        known: (B, K) bool.
        outside: (B, K) bool, points that get no label all the same.
        roots: (B, ) the point that z is relative to; where
            it is negative, and by default, the codec's.

    Returns:
        ``keypoint_z_labels`` (B, K, D), ``keypoint_z_weights`` (B, K).
    """
    is_root = torch.zeros_like(known)
    is_root[:, torch.as_tensor(codec.root_index, device=z.device)] = True
    if roots is not None:
        points = torch.arange(z.shape[1], device=z.device)
        is_root = torch.where(roots[:, None] < 0, is_root, points == roots[:, None])
    is_root &= known
    count = is_root.sum(1, keepdim=True)
    root = (z * is_root).sum(1, keepdim=True) / count.clamp(min=1)
    ratio = codec.simcc_split_ratio
    bins = round(codec.input_size[2] * ratio)
    centers = (codec.z_to_pixels(z - root) * ratio).round()
    known = known & ~outside & (count > 0) & (centers >= 0) & (centers < bins)
    return dict(
        keypoint_z_labels=gaussian(centers, known, bins, float(codec.sigma[2])),
        keypoint_z_weights=known.float(),
    )


def gaussian(center: Tensor, known: Tensor, bins: int, sigma: float) -> Tensor:
    """(B, K) bin numbers -> (B, K, bins) in [0, 1], 1 at the center; 0 of
    points that are not known, (B, K) bool."""
    grid = torch.arange(bins, device=center.device, dtype=center.dtype)

    def peak(center):
        return torch.exp((grid - center[..., None]) ** 2 / (-2 * sigma**2))

    if center.is_cuda:  # as in losses.of_known
        return peak(center) * known[..., None]
    labels = center.new_zeros(*center.shape, bins)
    labels[known] = peak(center[known])
    return labels


def truncated_normal(*shape, device: torch.device) -> Tensor:
    """Standard normal numbers between -1 and 1."""
    edge = math.erf(1 / math.sqrt(2))
    uniform = torch.rand(shape, device=device) * 2 - 1
    return torch.erfinv(uniform * edge) * math.sqrt(2)


def warp(images: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear warp with black outside, as ``cv2.warpAffine``.

    Args:
        images: (B, C, S, S).
        matrix: (B, 3, 3), output pixels -> input pixels.
        size: (w, h) of the output.

    Returns:
        (B, C, h, w).
    """
    width, height = size
    y, x = torch.meshgrid(
        torch.arange(height, device=images.device),
        torch.arange(width, device=images.device),
        indexing='ij',
    )
    grid = torch.stack([x, y, torch.ones_like(x)], dim=-1).to(images.dtype)
    where = grid.view(1, -1, 3) @ matrix[:, :2].transpose(1, 2)
    sides = where.new_tensor([images.shape[3], images.shape[2]])
    where = (where * 2 / (sides - 1) - 1).view(-1, height, width, 2)
    return F.grid_sample(images, where, padding_mode='zeros', align_corners=True)


def blur(images: Tensor) -> Tensor:
    """Gaussian blur, sigma drawn from 0.4 to 2 pixels for each image."""
    sigma = 0.4 + 1.6 * torch.rand(len(images), 1, 1, 1, device=images.device)
    for axis in (2, 3):
        # Shifted sums: a convolution with a kernel for each image is slow.
        length = images.shape[axis]
        pad = (0, 0, 4, 4) if axis == 2 else (4, 4, 0, 0)
        padded = F.pad(images, pad, mode='replicate')
        total, weights = 0, 0
        for offset in range(-4, 5):
            weight = torch.exp(-(offset**2) / (2 * sigma**2))
            total = total + weight * padded.narrow(axis, 4 + offset, length)
            weights = weights + weight
        images = total / weights
    return images


def add_noise(images: Tensor) -> Tensor:
    """Gaussian noise, sigma drawn from 0 to 12 of 255 for each image."""
    sigma = 12 * torch.rand(len(images), 1, 1, 1, device=images.device)
    return images + sigma * torch.randn_like(images)


def coarsen(images: Tensor) -> Tensor:
    """As if photographed from afar: 1.5 to 4 times fewer pixels a side."""
    factor = 1.5 + 2.5 * torch.rand(()).item()
    size = [max(1, round(side / factor)) for side in images.shape[2:]]
    small = F.interpolate(images, size, mode='area')
    return F.interpolate(small, images.shape[2:], mode='bilinear')


def drop_rectangle(
    images: Tensor, prob: float, size: tuple[float, float] = (0.2, 0.4)
) -> Tensor:
    """One black rectangle with sides of ``size`` in parts of the image's."""
    count, _, height, width = images.shape
    sides = torch.tensor((height, width), device=images.device)
    low, high = size
    rand = torch.rand(3, count, 2, device=images.device)
    extent = (low + (high - low) * rand[0]) * sides
    start = rand[1] * (sides - extent)
    inside = []
    for axis, length in enumerate((height, width)):
        grid = torch.arange(length, device=images.device)
        first = start[:, axis, None]
        inside.append((grid >= first) & (grid < first + extent[:, axis, None]))
    hole = inside[0][:, :, None] & inside[1][:, None]
    hole &= rand[2, :, :1, None] < prob
    return images.masked_fill(hole[:, None], 0)
