"""What the tests of the broker's client publish, and where."""
import pika

QUEUE = "assay.tasks.python"
MEGABYTE = 1024 * 1024


def publish(channel, body, key="python", exchange="assay.tasks", **properties):
    channel.basic_publish(exchange, key, body, pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)
