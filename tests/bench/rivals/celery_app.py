"""Celery as a queue for the harness: prefork workers, RabbitMQ, each task acknowledged after it has run."""
import os
import pathlib
import subprocess
import sys

from celery import Celery

HARNESS = pathlib.Path(__file__).with_name("harness.py")
app = Celery("celery_app", broker=os.environ["BENCH_AMQP_URL"], backend="rpc://")
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)


@app.task
def judge(task):
    return subprocess.run([sys.executable, HARNESS], input=task, capture_output=True, text=True, check=True).stdout
