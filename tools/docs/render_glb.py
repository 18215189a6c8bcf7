"""Draws an animation in Blender: moments of a GLB file side by side.

Needs Blender as a package, in an environment of its own:

    python -m venv blender && blender/bin/pip install bpy
    blender/bin/python tools/docs/render_glb.py dance.glb dance.png
"""

import argparse
import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

#: Pixels of a moment, and samples of a pixel.
SIZE = (270, 360)
SAMPLES = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, help='a GLB file')
    parser.add_argument('picture', type=Path, help='PNG to write')
    parser.add_argument(
        '--seconds', type=float, nargs='+', help='the moments (default: four)'
    )
    flags = parser.parse_args()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(flags.file))
    scene = bpy.context.scene
    rate = scene.render.fps / scene.render.fps_base
    meshes = [item for item in bpy.data.objects if item.name.startswith('bones-')]
    armatures = [item for item in bpy.data.objects if item.type == 'ARMATURE']
    end = max(item.animation_data.action.frame_range[1] for item in armatures)
    moments = flags.seconds or (np.linspace(0.1, 0.9, 4) * end / rate).tolist()
    camera = _set_up(scene)
    with tempfile.TemporaryDirectory() as folder:
        pictures = []
        for number, moment in enumerate(moments):
            frame = moment * rate
            scene.frame_set(int(frame), subframe=frame - int(frame))
            _look(camera, meshes)
            path = Path(folder, f'{number}.png')
            scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True)
            pictures.append(_pixels(bpy.data.images.load(str(path))))
    _save(np.concatenate(pictures, 1), flags.picture)


def _set_up(scene: bpy.types.Scene) -> bpy.types.Object:
    """Light, and a camera; returns it."""
    scene.render.engine = 'CYCLES'
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = 'Standard'
    world = bpy.data.worlds.new('world')
    world.node_tree.nodes['Background'].inputs['Color'].default_value = (1, 1, 1, 1)
    scene.world = world
    sun = bpy.data.objects.new('sun', bpy.data.lights.new('sun', 'SUN'))
    sun.data.energy = 2
    sun.rotation_euler = (0.7, 0.3, 0)
    scene.collection.objects.link(sun)
    camera = bpy.data.objects.new('camera', bpy.data.cameras.new('camera'))
    scene.collection.objects.link(camera)
    scene.camera = camera
    return camera


def _look(camera: bpy.types.Object, meshes: list[bpy.types.Object]) -> None:
    """Places the camera before the people as they are now."""
    graph = bpy.context.evaluated_depsgraph_get()
    corners = []
    for mesh in meshes:
        posed = mesh.evaluated_get(graph)
        corners += [posed.matrix_world @ v.co for v in posed.data.vertices]
    points = np.array(corners)
    low, high = points.min(0), points.max(0)
    middle = Vector((low + high) / 2)
    width, height = high[0] - low[0], high[2] - low[2]
    wide = max(width * SIZE[1] / SIZE[0], height)
    camera.data.lens = 50
    away = Vector((0.5, -1, 0.2)).normalized() * (wide * 1.5 + (high[1] - low[1]) / 2)
    camera.location = middle + away
    camera.rotation_euler = (-away).to_track_quat('-Z', 'Y').to_euler()


def _pixels(image: bpy.types.Image) -> np.ndarray:
    width, height = image.size
    return np.array(image.pixels[:]).reshape(height, width, 4)


def _save(pixels: np.ndarray, path: Path) -> None:
    height, width = pixels.shape[:2]
    image = bpy.data.images.new('all', width, height)
    image.pixels = pixels.ravel().tolist()
    image.filepath_raw = str(path.resolve())
    image.file_format = 'PNG'
    image.save()


if __name__ == '__main__':
    main()
