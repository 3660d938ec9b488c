"""What a Celery worker loads that carries out the orders of the contract."""

import os

from support import orders

from crawler.distributed.engines.celery_app import make_app
from crawler.distributed.engines.place import place_of

app = make_app(place_of(os.environ["CRAWLER_ON"]), orders.run)
