"""The routes of ``rtmw serve``."""

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ..core.people import MIN_SCORE
from ..output.files import to_json
from ..runtime.estimator import EVERY
from ..version import __version__
from . import schema
from .jobs import Job, Jobs
from .limits import VIDEO_PATIENCE, Refused
from .live import answer_frames
from .service import Service
from .uploads import Uploads, receive

#: Of the token that a browser got by ``/?token=...``.
COOKIE = 'rtmw-token'
#: Anybody may ask whether the service is there.
OPEN_ROUTES = ('/healthz', '/readyz')
BINARY: dict[str, Any] = dict(schema=dict(type='string', format='binary'))
BODY: dict[str, Any] = dict(
    requestBody=dict(
        required=True,
        content={
            'multipart/form-data': dict(
                schema=dict(
                    type='object',
                    properties=dict(file=dict(type='string', format='binary')),
                    required=['file'],
                )
            ),
            'application/octet-stream': BINARY,
        },
    )
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: dict(model=schema.Reason, description=text)
    for status, text in (
        (400, 'The body is broken'),
        (408, 'The body is too slow'),
        (413, 'The body is too large'),
        (415, 'The body is no known image or video'),
        (422, 'The image is damaged, or a parameter is wrong'),
        (503, 'Too much waits already; Retry-After says when to come again'),
    )
}
NOT_THERE: dict[int | str, dict[str, Any]] = {
    404: dict(model=schema.Reason, description='There is no such video'),
    422: REFUSALS[422],
}
#: Of every route, if there is a token.
DENIED: dict[int | str, dict[str, Any]] = {
    401: dict(model=schema.Reason, description='The token is missing or wrong')
}

Next = Callable[[Request], Awaitable[Response]]


def build_app(service: Service, token: str | None = None) -> FastAPI:
    """
    Args:
        service: Finds the people; it is closed with the app.
        token: That every request must show, as ``Authorization: Bearer TOKEN`` or,
            in a browser, once as ``/?token=TOKEN``. None lets all in.
    """
    uploads, jobs = Uploads(), Jobs(service)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()
        service.close()
        uploads.close()

    app = FastAPI(
        title='rtmw',
        version=__version__,
        description='People in images and videos, as 133 points.',
        lifespan=lifespan,
        # The token itself is looked for in `watch`, whatever the route.
        dependencies=[] if token is None else [Depends(HTTPBearer(auto_error=False))],
        responses={} if token is None else DENIED,
    )
    app.state.service, app.state.jobs, app.state.uploads = service, jobs, uploads
    app.state.streams = 0
    limits, metrics = service.limits, service.metrics

    @app.exception_handler(Refused)
    async def refuse(_: Request, error: Refused) -> Response:
        return _refusal(error)

    @app.exception_handler(RequestValidationError)
    async def refuse_parameters(_: Request, error: RequestValidationError) -> Response:
        faults = (f'{row["loc"][-1]}: {row["msg"]}' for row in error.errors())
        return _refusal(Refused(422, '; '.join(faults)))

    @app.middleware('http')
    async def watch(request: Request, following: Next) -> Response:
        start = time.monotonic()
        if not _may(request, token):
            return _refusal(Refused(401, 'the token is missing or wrong'))
        response = await following(request)
        route = getattr(request.scope.get('route'), 'path', 'other')
        metrics.requests.labels(route, str(response.status_code)).inc()
        metrics.seconds.labels(route).observe(time.monotonic() - start)
        given = request.query_params.get('token')
        if token is not None and given is not None:
            response.set_cookie(COOKIE, given, httponly=True, samesite='strict')
        return response

    @app.post(
        '/v1/images',
        summary='The people of an image',
        operation_id='find_people',
        openapi_extra=BODY,
        responses={
            200: dict(model=schema.Image, content={'image/jpeg': BINARY}),
            **REFUSALS,
        },
    )
    async def images(
        request: Request,
        draw: Annotated[bool, Query(description='the drawn image, a JPEG')] = False,
        threshold: Annotated[
            float, Query(ge=0, le=1, description='least score of a point drawn')
        ] = MIN_SCORE,
        max_people: Annotated[
            int | None, Query(ge=1, description='those with the largest boxes')
        ] = None,
    ) -> Response:
        async with uploads.image(request, limits.image_bytes, limits.seconds) as (
            path,
            name,
        ):

            def answer() -> Response:
                found = service.find(path, name, max_people)
                if draw:
                    return Response(found.picture(threshold), media_type='image/jpeg')
                text = to_json(found.record(service.run, name))
                return Response(text, media_type='application/json')

            return await service.call(answer)

    @app.post(
        '/v1/videos',
        summary='Lets a video wait',
        operation_id='add_video',
        status_code=202,
        openapi_extra=BODY,
        responses={202: dict(model=schema.Video), **REFUSALS},
    )
    async def add_video(
        request: Request,
        draw: Annotated[bool, Query(description='write a drawn video, too')] = True,
        every: Annotated[
            int, Query(ge=1, description='look for people every N frames')
        ] = EVERY,
    ) -> Response:
        jobs.sweep()
        jobs.check_room()
        job = Job(uploads.new_folder(), '', draw, every)
        try:
            job.name = await receive(
                request,
                job.upload,
                limits.video_bytes,
                limits.seconds * VIDEO_PATIENCE,
            )
            jobs.add(job)
        except BaseException:
            jobs.discard(job)
            raise
        return JSONResponse(job.record(), 202)

    @app.get(
        '/v1/videos/{id}',
        summary='How far a video is',
        operation_id='get_video',
        response_model=schema.Video,
        responses=NOT_THERE,
    )
    async def get_video(id: str) -> dict[str, Any]:
        return jobs.get(id).record()

    @app.delete(
        '/v1/videos/{id}',
        summary='Cancels a video and removes its files',
        operation_id='remove_video',
        status_code=204,
        response_class=Response,
        responses=NOT_THERE,
    )
    async def remove_video(id: str) -> None:
        jobs.remove(jobs.get(id))

    @app.get(
        '/v1/videos/{id}/results',
        summary='JSON lines, of a video that runs those so far',
        operation_id='get_results',
        response_class=FileResponse,
        responses=NOT_THERE | {200: {'content': {'application/jsonl': BINARY}}},
    )
    async def get_results(id: str) -> Response:
        path = jobs.get(id).results
        if not path.exists():
            raise Refused(404, 'there are no results yet')
        return FileResponse(path, media_type='application/jsonl')

    @app.get(
        '/v1/videos/{id}/video',
        summary='The drawn video, MP4',
        operation_id='get_drawn',
        response_class=FileResponse,
        responses=NOT_THERE | {200: {'content': {'video/mp4': BINARY}}},
    )
    async def get_drawn(id: str) -> Response:
        path = jobs.get(id).video
        if not path.exists():
            raise Refused(404, 'there is no video yet, or none is drawn')
        return FileResponse(path, media_type='video/mp4')

    @app.websocket('/v1/stream')
    async def stream(socket: WebSocket) -> None:
        if not _may(socket, token):
            await socket.close(1008, 'the token is missing or wrong')
        elif app.state.streams >= limits.streams:
            await socket.close(1013, 'too many streams run: come again')
        else:
            app.state.streams += 1
            try:
                await answer_frames(socket, service)
            finally:
                app.state.streams -= 1

    @app.get(
        '/v1/models',
        summary='The networks',
        operation_id='get_models',
        response_model=schema.Models,
    )
    def get_models() -> dict[str, Any]:
        return dict(models=service.run.models, is_3d=service.estimator.pose.is_3d)

    @app.get('/healthz', summary='It runs', operation_id='is_alive')
    async def healthz() -> dict[str, str]:
        return dict(status='alive')

    @app.get(
        '/readyz',
        summary='It takes images',
        operation_id='is_ready',
        responses={503: REFUSALS[503]},
    )
    async def readyz() -> dict[str, str]:
        service.check_room()
        return dict(status='ready')

    @app.get(
        '/metrics',
        summary='For Prometheus',
        operation_id='get_metrics',
        response_class=Response,
        responses={200: {'content': {'text/plain': dict(schema=dict(type='string'))}}},
    )
    async def get_metrics() -> Response:
        return Response(
            generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST
        )

    return app


def _may(connection: Request | WebSocket, token: str | None) -> bool:
    """Whether a request shows the token, if there is one."""
    if token is None or connection.url.path in OPEN_ROUTES:
        return True
    kind, _, given = connection.headers.get('authorization', '').partition(' ')
    shown = (
        given if kind.lower() == 'bearer' else '',
        connection.query_params.get('token', ''),
        connection.cookies.get(COOKIE, ''),
    )
    return any(secrets.compare_digest(text.encode(), token.encode()) for text in shown)


def _refusal(error: Refused) -> Response:
    headers = {} if error.retry is None else {'Retry-After': str(error.retry)}
    return JSONResponse(dict(detail=str(error)), error.status, headers)
