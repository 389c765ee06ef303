"""The published kinds of networks, their data and the traces of their training, in numpy: what the oracles of the tests and
the peers of `sirencl bench` share."""
import collections
import math
import pathlib
import struct

import numpy as np

IDENTITY, SINE, RELU, TANH = range(4)
FIRST_SINE, HIDDEN_SINE, LINEAR = range(3)
# inputs, extra hidden layers, (activation, init) of the first, the other, the last hidden layers and the output layer
SIREN = ((SINE, FIRST_SINE), (SINE, HIDDEN_SINE), (SINE, HIDDEN_SINE))
MODELS = {
    "siren-2d": (2, 0, *SIREN, (IDENTITY, HIDDEN_SINE)),
    "siren-3d": (3, 0, *SIREN, (IDENTITY, HIDDEN_SINE)),
    "siren-2d-relu": (2, 0, *SIREN, (RELU, HIDDEN_SINE)),
    "siren-2d-tanh": (2, 0, *SIREN, (TANH, HIDDEN_SINE)),
    "mlp-relu": (2, 1, (RELU, LINEAR), (RELU, LINEAR), (RELU, LINEAR), (IDENTITY, LINEAR)),
    "mlp-tanh": (2, 1, (TANH, LINEAR), (TANH, LINEAR), (TANH, LINEAR), (IDENTITY, LINEAR)),
    "mlp-siren": (2, 1, (SINE, FIRST_SINE), (RELU, LINEAR), (RELU, LINEAR), (IDENTITY, LINEAR)),
    "mlp-siren-last": (2, 1, (RELU, LINEAR), (RELU, LINEAR), (SINE, HIDDEN_SINE), (IDENTITY, LINEAR)),
}
Layer = collections.namedtuple("Layer", "width activation w0 init")


def layers_of(model, n_hidden, width, n_outputs, w0=30.0):
    """(n_inputs, [Layer, ...])"""
    n_inputs, extra, first, hidden, last, output = MODELS[model]
    kinds = ([first] + [hidden] * max(n_hidden + extra - 2, 0) + [last])[:n_hidden + extra]
    rows = [(width, *kind) for kind in kinds] + [(n_outputs, *output)]
    uses_w0 = lambda activation, init: activation == SINE or init == HIDDEN_SINE
    return n_inputs, [Layer(w, a, w0 if uses_w0(a, i) else 1.0, i) for w, a, i in rows]


def widths_of(n_inputs, layers):
    return [n_inputs] + [layer.width for layer in layers]


def n_params_of(n_inputs, layers):
    widths = widths_of(n_inputs, layers)
    return sum((d + 1) * h for d, h in zip(widths, widths[1:]))


def initial_bound(n_inputs, w0, init):
    """Weights and biases of a layer of so many inputs are uniform between minus this and this."""
    return {FIRST_SINE: 1 / n_inputs, HIDDEN_SINE: math.sqrt(6 / n_inputs) / w0, LINEAR: 1 / math.sqrt(n_inputs)}[init]


def make_coordinates(nx, ny, nz, n_inputs):
    """(n_points, n_inputs), x fastest"""
    axes = [2 * (np.arange(n, dtype=np.float32) / max(n - 1, 1) - np.float32(0.5)) if n > 1 else np.zeros(1, np.float32)
            for n in (nx, ny, nz)]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.ascontiguousarray(np.stack([x, y, z][:n_inputs], -1).reshape(-1, n_inputs))


def read_trace(path):
    """The trace (tests/golden/make_trace.py) as a dictionary."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"SIRENTR1":
        raise SystemExit(f"{path}: not a trace")
    *head, learning_rate, n_inputs, n_layers = struct.unpack_from("<6Id2I", data, 8)
    at = 8 + struct.calcsize("<6Id2I")
    layers = [Layer(*struct.unpack_from("<IIfI", data, at + 16 * l)) for l in range(n_layers)]
    at += 16 * n_layers
    trace = dict(zip(("nx", "ny", "nz", "n_epochs", "best_evaluated", "best_stepped"), head),
                 learning_rate=learning_rate, n_inputs=n_inputs, layers=layers)
    n_points = head[0] * head[1] * head[2]
    n_params = n_params_of(n_inputs, layers)
    for name, shape, dtype in (("coordinates", (n_points, n_inputs), "<f4"),
                               ("targets", (n_points, layers[-1].width), "<f4"),
                               ("initial", (n_params,), "<f4"), ("loss_double", (head[3],), "<f8"),
                               ("loss_single", (head[3],), "<f8"), ("final_double", (n_params,), "<f8"),
                               ("final_single", (n_params,), "<f4")):
        count = math.prod(shape)
        trace[name] = np.frombuffer(data, dtype, count, at).reshape(shape).copy()
        at += count * int(dtype[-1])
    return trace
