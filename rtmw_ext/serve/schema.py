"""What the service answers, for OpenAPI. docs/results.schema.json says more of it.

Shapes: K keypoints.
"""

from typing import Any

from pydantic import BaseModel, Field


class Person(BaseModel):
    """A person as ``rtmw infer --format json`` writes it."""

    keypoints: list[list[float | None]] = Field(description='K x [x, y] in pixels')
    keypoint_scores: list[float | None] = Field(description='K, 0 to 1')
    bbox: list[float | None] = Field(description='x1, y1, x2, y2 in pixels')
    bbox_score: float | None
    keypoints_3d: list[list[float | None]] | None = Field(
        None, description='K x [x, y, z] in metres from the hips; 3D models'
    )
    keypoints_3d_cam: list[list[float | None]] | None = Field(
        None, description='K x [x, y, z] in metres from the camera; 3D models'
    )
    root_depth: float | None = Field(
        None, description='metres from the camera to the hips; 3D models'
    )
    id: int | None = Field(None, description='of a person in a video')


class Image(BaseModel):
    """The people of an image."""

    run: dict[str, Any] = Field(description='program, models, points, units')
    source: dict[str, Any] = Field(description='name, width, height, camera')
    people: list[Person]


class Video(BaseModel):
    """A video that waits, runs or is done."""

    id: str
    name: str
    state: str = Field(description='waiting, running, done, failed or cancelled')
    frames: int = Field(description='done so far')
    total: int | None = Field(description='that the file announces')
    error: str | None = Field(description='why it failed')


class Models(BaseModel):
    """The networks of the service."""

    models: dict[str, Any] = Field(description='{role: file, size, SHA-256}')
    is_3d: bool


class Reason(BaseModel):
    """Why a request is refused."""

    detail: str
