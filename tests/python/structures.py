"""Writes a C program that compares the structures of ctypes with those of the header."""

import ctypes

from sirencl import _library

PAIRS = {
    "siren_span": _library.Span,
    "siren_box": _library.Box,
    "siren_array": _library.Array,
    "siren_block_info": _library.BlockInfo,
    "siren_layer_info": _library.LayerInfo,
    "siren_archive_info": _library.ArchiveInfo,
    "siren_comparison": _library.Comparison,
    "siren_device_description": _library.DeviceDescription,
}

print('#include "host/sirencl.h"\n#include <stdio.h>\nint main(void) {\n    int n = 0;')
for name, structure in PAIRS.items():
    print(f'    if (sizeof({name}) != {ctypes.sizeof(structure)}) n++, puts("{name}: size");')
    for field in structure._fields_:
        at = getattr(structure, field[0])
        print(
            f"    if (offsetof({name}, {field[0]}) != {at.offset} || sizeof((({name} *)0)->{field[0]}) != {at.size}) "
            f'n++, puts("{name}.{field[0]}");'
        )
print("    return n != 0;\n}")
