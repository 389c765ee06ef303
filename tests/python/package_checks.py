"""What the checks of the package share."""

import numpy as np


def raises(kind, part, function, *arguments, **named):
    """The call raises `kind`, with `part` in its message."""
    try:
        function(*arguments, **named)
    except kind as error:
        assert part in str(error), f"{part!r} is not in {str(error)!r}"
        return error
    raise AssertionError(f"{function.__name__} raised no {kind.__name__}")


def same(one, other):
    """Equal in shape, type and every bit."""
    one, other = np.asanyarray(one), np.asanyarray(other)
    assert one.shape == other.shape, (one.shape, other.shape)
    assert one.dtype.newbyteorder("=") == other.dtype.newbyteorder("="), (one.dtype, other.dtype)
    assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), "values differ"
