"""Reading through the Python package beside the library: python3 python_read.py bench_read ARCHIVE.siren

Prints seconds: one voxel's series in an open archive, best and worst of 50; one slice with all its volumes, decoded
anew each time, best of 25 by the package in an open archive and by bench_read, which opens it each time, in turns.
"""

import subprocess
import sys
import time

import sirencl

bench_read, path = sys.argv[1:]


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


with sirencl.load(path) as image:
    x, y, z = (n // 2 for n in image.shape[:3])
    image.dataobj[x, y, z]
    times = [seconds(lambda: image.dataobj[x + i % 7, y, z]) for i in range(50)]
    print(f"voxel\t{min(times):.6f}\t{max(times):.6f}")
    first = image.info.z_begin
box = ["0", "0", "0", "0", str(first + z), str(first + z + 1), "0", "0"]
slices, by_library = [], []
for _ in range(5):
    with sirencl.load(path, cache=0) as image:
        slices += [seconds(lambda: image.dataobj[:, :, z]) for _ in range(5)]
    by_library.append(float(subprocess.run([bench_read, path, *box], check=True, stdout=subprocess.PIPE).stdout))
print(f"slice\t{min(slices):.6f}\nlibrary\t{min(by_library):.6f}\nratio\t{min(slices) / min(by_library):.3f}")
