"""The accounting: what the store and the broker hold, against a truth known beforehand. Every answer is a list of lines; none: it is right."""
import json

QUEUES = ("assay.results", "assay.dead.tasks", "assay.dead.results", *(f"assay.tasks.{runtime}" for runtime in ("bash", "python", "c")))


def complete(site, job, count):
    """Cheap: whether it is time to look at everything."""
    return site.sql("SELECT done FROM jobs WHERE job_id = %s", job) == [(count,)]


def wrong_rows(site, job, expected):
    found = {task: (status, reason) for task, status, reason in site.sql("SELECT task_id, status, reason FROM executions WHERE job_id = %s", job)}
    lines = [f"{task}: {found.get(task, 'lost')} instead of {must}" for task, must in expected.items() if found.get(task) != must]
    lines += [f"{task}: nobody published it" for task in found if task not in expected]
    lines += [f"{count} rows of job {other}" for other, count in
              site.sql("SELECT job_id, count(*) FROM executions WHERE job_id <> %s GROUP BY job_id", job)]
    return lines


def wrong_counters(site, job, expected):
    found = site.sql("SELECT state, total, done, passed, failed, timed_out, errors FROM jobs WHERE job_id = %s", job)
    by_status = [sum(must[0] == status for must in expected.values()) for status in ("pass", "fail", "timeout", "error")]
    must = ("complete", len(expected), len(expected), *by_status)
    return [] if found == [must] else [f"jobs: {found} instead of {must}"]


def left_in_broker(site):
    lines = [f"{queue}: {site.depth(queue)} messages" for queue in QUEUES if site.depth(queue)]
    return lines + [f"dead letter: {row}" for row in site.sql("SELECT kind, job_id, task_id, reason FROM dead_letters")]


def wrong(site, job, expected):
    return wrong_rows(site, job, expected) + wrong_counters(site, job, expected) + left_in_broker(site)


def wrong_results(paths, job, expected):
    """The publishers' results files: each verdict once, and the right one. A publisher that was started again began its file anew."""
    found, lines = {}, []
    for line in (line for path in paths if path.exists() for line in path.read_text(errors="replace").splitlines()):
        result = json.loads(line)
        if result["task_id"] in found:
            lines.append(f"results: {result['task_id']} twice")
        found[result["task_id"]] = (result["job_id"], result["status"], result["reason"])
    return lines + [f"results: {task} is {found.get(task, 'lost')} instead of {must}" for task, must in expected.items()
                    if found.get(task) != (job, *must)]


def left_connections(site):
    """After the end of all programs. The management API's list is some seconds old."""
    lines = [f"connection to the broker: {one['name']}" for one in site.management("GET", "vhosts/{vhost}/connections")]
    return lines + [f"session in the database: {name}" for name, in site.sql(
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'")]
