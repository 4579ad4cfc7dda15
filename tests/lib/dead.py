"""Tasks that die as a worker-killer makes them die: of their queue's delivery limit."""
import pika

from lib.waiting import wait_until


def kill_task(site, body, queue="assay.tasks.python", **properties):
    """Publishes a task and lets it die of its delivery limit, as a worker-killer would."""
    site.management("PUT", "policies/{vhost}/short", {
        "pattern": "^assay\\.tasks\\.", "apply-to": "queues", "priority": 10,
        "definition": {"delivery-limit": 1, "dead-letter-exchange": "assay.dead", "dead-letter-routing-key": "tasks",
                       "dead-letter-strategy": "at-least-once", "overflow": "reject-publish"}})
    wait_until(lambda: (site.management("GET", "queues/{vhost}/" + queue).get("effective_policy_definition") or {})
               .get("delivery-limit") == 1, what="the policy")
    channel = site.pika().channel()
    channel.confirm_delivery()
    channel.basic_publish("assay.tasks", queue[len("assay.tasks."):], body, pika.BasicProperties(delivery_mode=2, **properties))
    for _ in range(2):
        method, _, _ = wait_until(lambda: (lambda got: got[0] and got)(channel.basic_get(queue)), what="the task")
        channel.basic_nack(method.delivery_tag, requeue=True)
