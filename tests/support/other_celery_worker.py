"""A Celery worker of another program, at the same broker."""

import os

from celery import Celery

app = Celery("other", broker=os.environ["CRAWLER_ON"].removeprefix("celery+"))
