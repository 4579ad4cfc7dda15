"""What each role's user may do at the broker, and what not: every operation by a real AMQP client (pika)."""
import subprocess

import pika
import pika.exceptions
import pytest

from lib.servers import ROOT

TASK, RESULT = b"{}", b"{}"


def publish(exchange, key):
    def operation(channel):
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, TASK, mandatory=False)
    return operation


def consume(queue):
    def operation(channel):
        channel.basic_cancel(channel.basic_consume(queue, lambda *_: None))
    return operation


def get(queue):
    def operation(channel):
        method, _, _ = channel.basic_get(queue)
        if method:
            channel.basic_nack(method.delivery_tag, requeue=True)
    return operation


def declare(queue):
    def operation(channel):
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        channel.queue_delete(queue)
    return operation


def own_queue_on(queue, exchange, key):
    """Makes a queue of one's own and binds it."""
    def operation(channel):
        channel.queue_declare(queue, exclusive=True, auto_delete=True)
        channel.queue_bind(queue, exchange, key)
    return operation


def take_exchange(exchange):
    return lambda channel: channel.exchange_declare(exchange, "fanout")


def delete(queue):
    return lambda channel: channel.queue_delete(queue)


def purge(queue):
    return lambda channel: channel.queue_purge(queue)


OPERATIONS = {
    "publish a task": publish("assay.tasks", "python"),
    "publish a verdict": publish("assay.results", "j.pass"),
    "announce a job": publish("assay.results", "j.job"),
    "publish a dead task": publish("assay.dead", "tasks"),
    "cancel a job": publish("assay.control", ""),
    "publish a worker's event": publish("assay.events", "worker.w"),
    "write to any queue": publish("", "assay.results"),
    "take python tasks": consume("assay.tasks.python"),
    "take node tasks": consume("assay.tasks.node"),
    "get an interactive python task": get("assay.tasks.python.interactive"),
    "take results": consume("assay.results"),
    "get a result": get("assay.results"),
    "take dead tasks": consume("assay.dead.tasks"),
    "take dead results": consume("assay.dead.results"),
    "have any queue": declare("mine"),
    "have a queue among the tasks": declare("assay.tasks.mine"),
    "have a control queue": own_queue_on("assay.control.w.1", "assay.control", ""),
    "have an events queue": own_queue_on("assay.events.c", "assay.events", "#"),
    "have a waiting queue": own_queue_on("assay.wait.p", "assay.results", "j.#"),
    "have a reply queue": declare("assay.reply.p"),
    "listen to results by a control queue": own_queue_on("assay.control.w.2", "assay.results", "#"),
    "listen to events by a control queue": own_queue_on("assay.control.w.3", "assay.events", "#"),
    "listen to tasks by a waiting queue": own_queue_on("assay.wait.q", "assay.tasks", "python"),
    "make an exchange": take_exchange("mine"),
    "delete a task queue": delete("assay.tasks.bash"),
    "purge the results": purge("assay.results"),
    "purge a task queue": purge("assay.tasks.python"),
}

# What is here is allowed; all else of the above has to be refused.
ALLOWED = {
    # Who may bind to the exchange assay.results may read the queue of that name: RabbitMQ cannot tell them apart (docs/operations.md).
    "assay-producer": {"publish a task", "announce a job", "cancel a job", "have a waiting queue", "have a reply queue",
                       "take results", "get a result", "purge the results"},
    "assay-worker": {"publish a verdict", "announce a job", "publish a worker's event", "take python tasks", "take node tasks",
                     "get an interactive python task", "have a control queue", "purge a task queue"},
    "assay-worker-python": {"publish a verdict", "announce a job", "publish a worker's event", "take python tasks",
                            "get an interactive python task", "have a control queue", "purge a task queue"},
    # The exception that reply_to needs: the default exchange reaches every queue, and answers go to queues of any name.
    "assay-replier": {"write to any queue"},
    "assay-collector": {"publish a verdict", "announce a job", "publish a dead task", "cancel a job", "take results", "get a result",
                        "take dead tasks", "take dead results", "have a control queue", "have an events queue", "purge the results",
                        "listen to results by a control queue", "listen to events by a control queue"},
    "assay-monitor": set(),
}


@pytest.fixture(scope="module")
def broker(servers, build, tmp_path_factory):  # pylint: disable=unused-argument
    """A virtual host with all roles, workers of python alone among them; a connection for any of them."""
    vhost, secrets = "permissions", tmp_path_factory.mktemp("secrets")
    for path in (servers.state / "secrets").iterdir():
        (secrets / path.name).write_text(path.read_text())
    (secrets / "assay-worker-python").write_text("a-secret-of-python")
    servers.make_vhost(vhost, "python,node,bash")
    servers.make_vhost(vhost, "python,node,bash", "--worker-user", "assay-worker-python=python", "--secrets", secrets)

    def connect(user):
        credentials = pika.PlainCredentials(user, (secrets / user).read_text().strip())
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", servers.port("amqp"), vhost, credentials, heartbeat=0))
    yield connect
    servers.delete_vhost(vhost)
    servers.management("DELETE", "users/assay-worker-python")


def attempt(connection, operation):
    """True when the broker lets it happen, False when it refuses access; anything else is an error of this test."""
    channel = connection.channel()
    try:
        operation(channel)
        channel.close()
        return True
    except pika.exceptions.ChannelClosedByBroker as closed:
        assert closed.reply_code == 403, closed
        return False


@pytest.mark.parametrize("user", ALLOWED)
def test_a_role_may_do_what_it_needs_and_nothing_else(broker, user):
    connection = broker(user)
    may = {name for name, operation in OPERATIONS.items() if attempt(connection, operation)}
    connection.close()
    assert may == ALLOWED[user], {"beyond": may - ALLOWED[user], "missing": ALLOWED[user] - may}


def test_each_operation_is_possible_at_all(broker):
    """The administrator is refused nothing: so what the others are refused, they are refused by their permissions."""
    connection = broker("assay-admin")
    assert {name for name, operation in OPERATIONS.items() if not attempt(connection, operation)} == set()
    connection.close()


def test_a_worker_cannot_listen_to_another_ones_control_queue(broker):
    first, second = broker("assay-worker"), broker("assay-worker-python")
    first.channel().queue_declare("assay.control.first", exclusive=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
        second.channel().basic_consume("assay.control.first", lambda *_: None)
    assert refused.value.reply_code == 405, "locked: it is its owner's alone"
    first.close()
    second.close()


def test_no_user_but_its_own_vhost(servers, broker):  # pylint: disable=unused-argument
    servers.management("PUT", "vhosts/elsewhere", {})
    try:
        for user in ALLOWED:
            if user == "assay-worker-python":
                continue
            credentials = pika.PlainCredentials(user, servers.secret(user))
            with pytest.raises(pika.exceptions.AMQPConnectionError):
                pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", servers.port("amqp"), "elsewhere", credentials))
    finally:
        servers.delete_vhost("elsewhere")


def test_only_the_management_users_reach_the_management_api(servers):
    import urllib.error  # pylint: disable=import-outside-toplevel
    import urllib.request  # pylint: disable=import-outside-toplevel
    import base64  # pylint: disable=import-outside-toplevel

    def ask(user, method="GET", path="overview", body=None):
        token = base64.b64encode(f"{user}:{servers.secret(user)}".encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{servers.port('management')}/api/{path}", method=method, data=body,
                                         headers={"Authorization": "Basic " + token, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
    assert {user: ask(user) for user in ("assay-producer", "assay-worker", "assay-replier", "assay-collector")} == \
        {"assay-producer": 401, "assay-worker": 401, "assay-replier": 401, "assay-collector": 401}
    assert ask("assay-monitor") == 200 and ask("assay-monitor", path="queues/assay") == 200
    for method, path, body in (("PUT", "users/assay-monitor", b'{"password": "x", "tags": "administrator"}'),
                               ("PUT", "queues/assay/mine", b"{}"), ("DELETE", "queues/assay/assay.results", None),
                               ("GET", "definitions", None)):
        assert ask("assay-monitor", method, path, body) in (401, 403), (method, path)
    assert ask("assay-admin", path="definitions") == 200


@pytest.mark.parametrize("words, says", [(["--worker-user", "w"], "is not NAME=RUNTIME"), (["--worker-user", "assay-admin=python"], "the name of another role"),
                                         (["--worker-user", "w="], "is not NAME=RUNTIME"), (["--worker-user", "nobody=python"], "nobody")])
def test_definitions_refuses(tmp_path, words, says):
    for user in ("assay-producer", "assay-worker", "assay-replier", "assay-collector", "assay-monitor", "assay-admin"):
        (tmp_path / user).write_text("x")
    done = subprocess.run([ROOT / "conf/broker/definitions", "--secrets", tmp_path, *words], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode != 0 and says in done.stderr
