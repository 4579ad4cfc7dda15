"""What the machine under the programs gives: a small disk, a clock. Both may go wrong on purpose."""
import os
import pathlib
import subprocess

from lib.waiting import wait_until

FAKETIME = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


class Disk:
    """A file system of its own (tmpfs) that can be full. Raises OSError where the machine does not let us mount one."""

    def __init__(self, folder, megabytes):
        self.folder, self.kilobytes = pathlib.Path(folder), megabytes * 1024
        self.folder.mkdir()
        try:
            self._mount(f"size={self.kilobytes}k,mode=0777", "-t", "tmpfs", "tmpfs")
        except OSError:
            self.folder.rmdir()
            raise

    def _mount(self, options, *words):
        done = subprocess.run(["mount", "-o", options, *words, self.folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr.strip())

    def fill(self):
        """No page more than what is used now. The kernel refuses less than that, and programs write meanwhile."""
        def shrink():
            state = os.statvfs(self.folder)
            self._mount(f"remount,size={(state.f_blocks - state.f_bfree) * state.f_frsize // 1024 or 4}k")
            return True
        wait_until(shrink, 10, "the disk to be full")

    def free(self):
        self._mount(f"remount,size={self.kilobytes}k")

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)
        self.folder.rmdir()


class Tablespace:
    """The rows of a site's `executions` on a Disk of their own."""

    def __init__(self, site, megabytes):
        self.site, self.name = site, "small_" + site.name
        self.disk = Disk(site.servers.state / self.name, megabytes)
        data = self.disk.folder / "data"
        data.mkdir()
        owner = os.stat(f"/proc/{site.servers.pid('postgresql')}")
        os.chown(data, owner.st_uid, owner.st_gid)
        site.servers.superuser(f"CREATE TABLESPACE {self.name} LOCATION '{data}'")
        site.sql(f"ALTER TABLE executions SET TABLESPACE {self.name}")

    def close(self):
        self.site.sql("ALTER TABLE executions SET TABLESPACE pg_default")
        self.site.servers.superuser(f"DROP TABLESPACE {self.name}")
        self.disk.close()


class Clock:
    """The wall clock of one program, by libfaketime; its monotonic clock is left alone, as a step by an operator or NTP does."""

    def __init__(self, file):
        self.file = pathlib.Path(file)

    @staticmethod
    def available():
        return FAKETIME is not None

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.replace(self.file)

    def environment(self):
        # The sanitizers want to be loaded first, and are told that this one may be.
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0"}
