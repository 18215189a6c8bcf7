"""What ``/metrics`` tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counters of one service.

    Attributes:
        registry: Of ``prometheus_client.generate_latest``.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            'rtmw_requests', 'Requests', ['route', 'status'], registry=registry
        )
        self.seconds = Histogram(
            'rtmw_request_seconds', 'Time of a request', ['route'], registry=registry
        )
        self.people = Counter('rtmw_people', 'People found', registry=registry)
        self.waiting = Gauge(
            'rtmw_images_waiting', 'Images that wait or run', registry=registry
        )
        self.videos = Gauge(
            'rtmw_videos_waiting', 'Videos that wait or run', registry=registry
        )
        self.batches = Histogram(
            'rtmw_batch_size',
            'Crops that go through a network at once',
            buckets=SIZES,
            registry=registry,
        )
