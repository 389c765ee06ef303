"""The codec for zarr 3, which makes an archive of each chunk.

>>> from sirencl.zarr import SirenCodec
>>> array = zarr.create_array("dwi.zarr", data=values, chunks=(64, 64, 8, 30),          # doctest: +SKIP
...                           serializer=SirenCodec(axes="xyzt"), compressors=None)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Optional

from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from .chunks import decode_chunk, encode_chunk


@dataclass(frozen=True)
class SirenCodec(ArrayBytesCodec):
    """A serializer of zarr 3.

    Parameters
    ----------
    max_error : float
        Largest error of a value; 0 keeps every bit.
    axes : str, optional
        A letter for each axis, of which x, y and z are spatial: ``"xyzt"``, ``"tzyx"``. Unless given the last is x.
    """

    is_fixed_size = False
    max_error: float = 0
    axes: Optional[str] = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SirenCodec:
        return cls(**(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {"max_error": self.max_error}
        if self.axes is not None:
            configuration["axes"] = self.axes
        return {"name": "sirencl", "configuration": configuration}

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        archive = await asyncio.to_thread(encode_chunk, chunk_array.as_numpy_array(), self.max_error, self.axes)
        return chunk_spec.prototype.buffer.from_bytes(archive)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        values = await asyncio.to_thread(decode_chunk, chunk_bytes.to_bytes(), chunk_spec.shape, self.axes)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(values)

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("the size of an archive is known when it is made")
