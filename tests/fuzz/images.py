"""Small images beside the phantom whose archives have what its archives have not: images.py FOLDER"""
import os, struct, sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "faults"))
import learnable

folder = sys.argv[1]
TYPES = {"uint8": (2, 8, "B"), "int32": (8, 32, "i"), "float32": (16, 32, "f"), "float64": (64, 64, "d"), "uint16": (512, 16, "H"), "int64": (1024, 64, "q")}


def write(name, type_name, values, dims=(6, 5, 1, 4), order="<", tail=b""):
    code, bits, letter = TYPES[type_name]
    header = bytearray(352)
    struct.pack_into(order + "i", header, 0, 348)
    struct.pack_into(order + "8h", header, 40, 4, *dims, 1, 1, 1)
    struct.pack_into(order + "2h", header, 70, code, bits)
    struct.pack_into(order + "8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into(order + "3f", header, 108, 352, 0.5, 3)
    header[344:348] = b"n+1\0"
    with open(os.path.join(folder, f"odd-{name}.nii"), "wb") as file:
        file.write(header + struct.pack(f"{order}{len(values)}{letter}", *values) + tail)


ramp = [7 * i % 200 for i in range(6 * 5 * 4)]
write("extreme", "uint16", ramp[:81] + [60000] + ramp[82:])
write("nan", "float32", [float("nan"), float("inf"), 1e30] + [x / 3 for x in ramp[3:]])
write("constant", "float64", [2.5] * len(ramp))
write("wide", "int64", [(1 << 62) - x for x in ramp])
write("big-endian", "int32", [x - 100 for x in ramp], order=">")
write("tail", "uint8", ramp, tail=b"what follows the voxels")
learnable.write(os.path.join(folder, "learnable.nii"))
learnable.write_tissue(os.path.join(folder, "tissue.nii"))
