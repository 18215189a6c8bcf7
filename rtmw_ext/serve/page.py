"""The page of ``rtmw serve``: Gradio, in the process of the service."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before Gradio is imported: nothing is sent anywhere.
os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'

import gradio as gr
import numpy as np
from fastapi import FastAPI

from .. import zoo
from ..core.paths import PACKAGE
from ..core.people import MIN_SCORE, People
from ..core.skeleton import NUM_KEYPOINTS, PARTS
from ..output import FORMATS
from ..output.draw2d import draw_people
from ..output.folder import OutputFolder
from ..output.records import Source
from ..output.style import SHOWN
from ..runtime.estimator import EVERY
from .jobs import ENDED, Job, Jobs
from .limits import Refused
from .service import Answer, Service
from .uploads import Uploads

#: Seconds between two looks at a job.
PATIENCE = 0.3
#: The system's fonts: the page fetches nothing from elsewhere.
FONTS = ['system-ui', 'sans-serif']
#: Of pictures: they are not shared elsewhere.
BUTTONS: list[Any] = ['download', 'fullscreen']
#: A rendered picture.
EXAMPLE = PACKAGE / 'runtime' / 'person.jpg'
HEADERS = ['person', 'score', 'left', 'top', 'width', 'height', *PARTS]


def add_page(app: FastAPI, service: Service) -> FastAPI:
    """The app with the page at ``/``.

    Args:
        app: Of :func:`.app.build_app`.
        service: Finds the people.
    """
    blocks = build_page(service, app.state.jobs, app.state.uploads)
    return gr.mount_gradio_app(
        app,
        blocks,
        path='/',
        allowed_paths=[str(app.state.uploads.folder), str(EXAMPLE)],
        max_file_size=max(service.limits.image_bytes, service.limits.video_bytes),
        footer_links=['api'],
        theme=gr.themes.Default(font=FONTS, font_mono=['ui-monospace', 'monospace']),
        ssr_mode=False,
    )


def build_page(service: Service, jobs: Jobs, uploads: Uploads) -> gr.Blocks:
    """The page, as :func:`add_page` mounts it."""
    is_3d = service.estimator.pose.is_3d

    async def find(path: str | None) -> Answer | None:
        """The people of a photo."""
        if path is None:
            return None
        try:
            return await service.call(service.find, Path(path), Path(path).name)
        except Refused as error:
            raise gr.Error(str(error)) from None

    def show(answer: Answer | None, parts: list[str], threshold: float) -> list[Any]:
        """What a photo's answer looks like: picture, table, and scene in 3D."""
        if answer is None:
            return [None, [], None][: 3 if is_3d else 2]
        drawn = draw_people(answer.image, answer.people, threshold, parts=parts)
        shown = [drawn[..., ::-1], table(answer.people, threshold)]
        if is_3d:
            from .scene import scene_figure

            shown.append(scene_figure(answer.people, threshold))
        return shown

    def write(answer: Answer | None, name: str) -> str:
        """Result file of a photo."""
        if answer is None:
            raise gr.Error('choose a photo first')
        folder = uploads.new_folder()
        outputs = OutputFolder(folder, [name], draw=False)
        outputs.run = service.run
        outputs.plan([('photo', False)])
        outputs.begin(Source('photo', size=answer.image.shape[1::-1]))
        outputs.add('photo', None, answer.people)
        outputs.end()
        outputs.close()
        files = [path for path in folder.rglob('*') if '.meta.' not in path.name]
        return str(files[0])

    def run_video(
        path: str | None, progress: gr.Progress = gr.Progress()
    ) -> Iterator[list[Any]]:
        """A job for a video; its files once it is done."""
        if path is None:
            raise gr.Error('choose a video first')
        job = Job(uploads.new_folder(), Path(path).name, True, EVERY)
        try:
            job.upload.hardlink_to(path)
            jobs.add(job)
        except Refused as error:
            jobs.discard(job)
            raise gr.Error(str(error)) from None
        while job.state not in ENDED:
            if job.total:
                progress((job.frames, job.total), unit='frames')
            time.sleep(PATIENCE)
            yield [None, None]
        if job.error:
            raise gr.Error(job.error)
        yield [str(job.video), str(job.results)]

    def frame(image: np.ndarray | None) -> np.ndarray | None:
        """A drawn frame of a webcam."""
        if image is None:
            return None
        people = service.estimator(np.ascontiguousarray(image[..., ::-1]))
        return draw_people(image[..., ::-1], people)[..., ::-1]

    with gr.Blocks(
        title='RTMW', analytics_enabled=False, delete_cache=(60, 3600)
    ) as blocks:
        gr.Markdown(about(service))
        with gr.Tab('Photo'):
            answer = gr.State()
            with gr.Row():
                with gr.Column():
                    photo = gr.Image(
                        type='filepath',
                        label='Photo',
                        sources=['upload', 'clipboard', 'webcam'],
                        buttons=['fullscreen'],
                    )
                    parts = gr.CheckboxGroup(
                        list(SHOWN), value=list(SHOWN), label='Show'
                    )
                    threshold = gr.Slider(
                        0, 1, MIN_SCORE, step=0.05, label='Least score of a point'
                    )
                    gr.Examples([str(EXAMPLE)], photo, label='Example')
                with gr.Column():
                    with gr.Tab('Picture'):
                        drawn = gr.Image(
                            label='People',
                            format='png',
                            buttons=BUTTONS,
                            elem_id='drawn',
                        )
                    if is_3d:
                        with gr.Tab('3D'):
                            scene = gr.Plot(label='Scene, metres', elem_id='scene')
                    people = gr.Dataframe(
                        headers=HEADERS, label='People', interactive=False
                    )
                    with gr.Row():
                        choice = gr.Dropdown(
                            list(FORMATS), value='json', label='Format'
                        )
                        save = gr.Button('Make the file')
                    file = gr.File(label='File', interactive=False, elem_id='file')
            outputs = [drawn, people, *([scene] if is_3d else [])]
            shown = [answer, parts, threshold]
            photo.change(find, photo, answer, api_visibility='private').then(
                show, shown, outputs, api_visibility='private'
            )
            for control in (parts, threshold):
                control.change(show, shown, outputs, api_visibility='private')
            save.click(write, [answer, choice], file, api_visibility='private')
        with gr.Tab('Video'):
            with gr.Row():
                video = gr.Video(label='Video', sources=['upload', 'webcam'])
                with gr.Column():
                    played = gr.Video(label='People', buttons=['download'])
                    lines = gr.File(label='JSON lines', interactive=False)
            start = gr.Button('Find people', variant='primary')
            start.click(run_video, video, [played, lines], api_visibility='private')
        with gr.Tab('Webcam'):
            with gr.Row():
                camera = gr.Image(
                    sources=['webcam'], streaming=True, label='Webcam', buttons=[]
                )
                live = gr.Image(label='People', streaming=True, buttons=['fullscreen'])
            camera.stream(
                frame, camera, live, api_visibility='private', concurrency_limit=1
            )
    return blocks


def about(service: Service) -> str:
    """Markdown: which networks run, and what they were trained on."""
    lines = [
        '# RTMW: whole-body pose',
        '',
        'People in photos and videos, as points.',
        '',
    ]
    for role, path in service.run.networks.items():
        data = zoo.training_data(path)
        lines.append(
            f'- {role.replace("_", " ")}: `{Path(path).name}`, '
            + (f'trained on {data}' if data else 'a file that says nothing of its data')
        )
    return '\n'.join(lines)


def table(people: People, threshold: float) -> list[list[Any]]:
    """A row a person: its box in pixels, and points of each part that are seen."""
    rows = []
    for number in range(len(people)):
        left, top, right, bottom = people.boxes[number].round().astype(int).tolist()
        seen = people.scores[number] >= threshold
        whole = len(seen) == NUM_KEYPOINTS
        rows.append(
            [
                number + 1,
                round(float(people.box_scores[number]), 2),
                *(left, top, right - left, bottom - top),
                *(
                    f'{seen[part].sum()} of {len(seen[part])}' if whole else ''
                    for part in PARTS.values()
                ),
            ]
        )
    return rows
