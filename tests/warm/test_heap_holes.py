"""What a fork allocates does not lie between what its server has, page for page: there is no room left."""
import subprocess
import sys

CHECK = """
import ctypes, sys
library = ctypes.PyDLL(sys.argv[1])
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
free = ctypes.CDLL(None).free
free.argtypes = [ctypes.c_void_p]
sizes = list(range(24, 2000, 48))

def make_holes():
    large = [malloc(size) for size in sizes for _ in range(40)]
    small = [bytes(size) for size in range(16, 470, 16) for _ in range(2000)]
    for address in large[::2]:
        free(address)
    found = set(large[::2]) | set(map(id, small[::2]))
    return found, small[1::2]

def reused(holes):
    made = [bytes(size) for size in range(16, 470, 16) for _ in range(8)]
    return sum(malloc(size) in holes for size in sizes) + sum(id(one) in holes for one in made)

holes, kept = make_holes()
assert reused(holes) > 100
holes, more = make_holes()
library.assay_warm_ready(b"", ctypes.c_int64(0))  # nobody listens to this server
found = reused(holes)
assert found < 5, found
print("filled")
"""


def test_no_room_is_left_between_what_is_there(build):
    done = subprocess.run([sys.executable, "-s", "-c", CHECK, build / "bin/assay-warm.so"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "filled\n"), done.stderr
