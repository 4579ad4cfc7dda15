"""A worker inside a chroot (a Debian made by debootstrap): the kernel makes no user namespace for a process in one."""
import os
import subprocess

from lib.skipping import skip


def test_worker_in_a_chroot(build, tmp_path):
    if os.geteuid() != 0:
        skip("chroot", "only root can chroot")
    script = f"mount --rbind / {tmp_path} && exec chroot {tmp_path} \"$@\""
    inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    control = subprocess.run([*inside, "unshare", "--user", "true"], capture_output=True, text=True, timeout=60, check=False)
    assert control.returncode != 0 and "not permitted" in control.stderr, "not a chroot as the kernel sees it"
    env = {**os.environ, "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_WORKER_RUNTIMES": "bash"}
    done = subprocess.run([*inside, build.resolve() / "bin/assay-worker", "--check"], env=env, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass/ok" in done.stdout
