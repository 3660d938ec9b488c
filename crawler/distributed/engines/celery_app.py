"""The Celery app of the driver and of workers: one task, and how its messages travel."""

import ssl
from types import MappingProxyType
from typing import Any

from celery import Celery

from crawler.distributed.engines.place import WorkerPlace
from crawler.distributed.engines.remote_executor import RunOrder

TASK = "crawler.slice"
LONGEST_ORDER_S = 6 * 3600
"""Redis gives an order to another worker if it is not acknowledged after this time, in seconds."""
_ANSWERS_KEPT_S = 600
"""How long the broker keeps an answer. A driver that runs has received it at once."""
_NAME = "crawler"
"""Of the queue, and of the exchange of questions about workers: a broker can serve other apps."""
_CONNECT_S = 5.0
_SILENT_S = 10.0
"""How long Redis may be silent, where an answer of it is waited for."""
_RETRIES = MappingProxyType(
    {"max_retries": 10, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0}
)
"""If Redis is lost: about eight seconds, as for its restart."""
_SETTINGS = MappingProxyType(
    {
        "task_default_queue": _NAME,
        "control_exchange": _NAME,
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_timeout": _CONNECT_S,
        "broker_transport_options": {
            "visibility_timeout": LONGEST_ORDER_S,
            "socket_connect_timeout": _CONNECT_S,
            "socket_timeout": _SILENT_S,
        },
        "redis_socket_connect_timeout": _CONNECT_S,
        "redis_socket_timeout": _SILENT_S,
        "result_expires": _ANSWERS_KEPT_S,
        "result_backend_transport_options": {"retry_policy": _RETRIES},
    }
)
_CERTIFICATE = MappingProxyType(
    {
        "rediss": {"ssl_cert_reqs": ssl.CERT_REQUIRED},
        "amqps": {"cert_reqs": ssl.CERT_REQUIRED},
    }
)
"""Scheme → options that make a client check the certificate of the broker."""


class OrderLostError(Exception):
    """The worker that had the order before has ended, or it took too long."""


def make_app(place: WorkerPlace, run: RunOrder) -> Celery:
    """An app whose only task of ours calls ``run``: the broker cannot name another function.

    With Redis, answers are stored there; with AMQP they are sent to the driver.
    """
    scheme = str(place.address).partition(":")[0]
    backend = place.address if scheme in ("redis", "rediss") else "rpc://"
    app = Celery(_NAME, broker=place.address, backend=backend, set_as_current=False)
    app.conf.update(_SETTINGS)
    if scheme in _CERTIFICATE:
        app.conf.update(
            broker_use_ssl=_CERTIFICATE[scheme], redis_backend_use_ssl=_CERTIFICATE[scheme]
        )

    def slice_(task: Any, order: str) -> str:
        # Given a second time without end, an order could end one worker after the other.
        if task.request.delivery_info.get("redelivered"):
            raise OrderLostError("a worker ended, or was silent, before it answered")
        return run(order.encode()).decode()

    # Not shared: it would be a task of every other app of this process.
    app.task(slice_, name=TASK, bind=True, shared=False, throws=(OrderLostError,))
    return app
