#!/usr/bin/env python3
"""Times one training step (forward, mean squared error, backward, Adam; full batch) of PyTorch: the peer that sirencl's
own `bench` is compared with. Default: siren-2d 3x256 with 69 outputs on 19,600 points, 17.53 GFLOP a step.

Before timing, the loss at the initial state must agree with an independent double-precision forward pass in numpy to
1e-4, and with --trace (a file of tests/golden/make_trace.py --real) the losses of all its epochs too; otherwise exit 1.
Prints one JSON object.
"""
import argparse
import json
import pathlib
import platform
import statistics
import sys
import time

import numpy as np
import torch

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "golden"))
import make_trace


def numpy_loss(n_inputs, layers, params, coordinates, targets):
    x, at, d = coordinates.numpy().astype(np.float64), 0, n_inputs
    params = params.numpy().astype(np.float64)
    for width, activation, w0, _ in layers:
        weights = params[at:at + width * d].reshape(width, d)
        z = x @ weights.T + params[at + width * d:at + width * (d + 1)]
        x = (z, np.sin(w0 * z), np.maximum(z, 0), np.tanh(z))[activation]
        at, d = at + width * (d + 1), width
    return float(np.nanmean((x - targets.numpy()) ** 2))


def step_flops(n_inputs, layers, n_points):
    """As siren_network_step_flops(): forward, weight gradients, input gradients of all layers but the first."""
    widths = [n_inputs] + [layer[0] for layer in layers]
    macs = sum(d * h for d, h in zip(widths, widths[1:]))
    return 2.0 * n_points * (3 * macs - widths[0] * widths[1])


class Training:
    """One network with its data and optimiser on the device."""

    def __init__(self, n_inputs, layers, initial, coordinates, targets, learning_rate, device):
        self.network = make_trace.Network(n_inputs, layers)
        self.network.set_flat(initial)
        self.network.to(device)
        self.coordinates, self.targets = coordinates.to(device), targets.to(device)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=learning_rate)
        self.loss = make_trace.masked_loss if torch.isnan(targets).any() else torch.nn.functional.mse_loss

    def step(self):
        self.adam.zero_grad()
        loss = self.loss(self.network(self.coordinates), self.targets)
        loss.backward()
        self.adam.step()
        return loss.detach()


def require_agreement(what, value, expected):
    if not abs(value / expected - 1) < 1e-4:
        sys.exit(f"pytorch_step: {what}: loss {value} instead of {expected}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0 = PyTorch's choice")
    parser.add_argument("--steps", type=int, default=20, help="timed steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--networks", type=int, default=1, help="independent networks, stepped one after the other")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 matrix units (cuda)")
    parser.add_argument("--trace", metavar="PATH", help="initial state and data from this trace")
    parser.add_argument("--model", choices=make_trace.MODELS, default="siren-2d")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--outputs", type=int, default=69)
    parser.add_argument("--size", type=int, nargs=3, default=(140, 140, 1), metavar=("NX", "NY", "NZ"))
    options = parser.parse_args()
    if options.steps < 1 or options.warmup < 1 or options.networks < 1:
        parser.error("--steps, --warmup and --networks must be at least 1")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = options.tf32

    expected_losses = []
    learning_rate = 3e-4
    if options.trace:
        trace = make_trace.read_trace(options.trace)
        n_inputs, layers, initial = trace["n_inputs"], trace["layers"], trace["initial"]
        coordinates, targets = trace["coordinates"], trace["targets"]
        learning_rate, expected_losses = trace["learning_rate"], trace["loss_double"].tolist()
    else:
        torch.manual_seed(1)
        n_inputs, layers = make_trace.layers_of(options.model, options.layers, options.width, options.outputs)
        coordinates = make_trace.make_coordinates(*options.size, n_inputs)
        targets = make_trace.make_targets(coordinates, options.outputs, torch.Generator().manual_seed(1))
        initial = make_trace.Network(n_inputs, layers).flat()
    start = lambda: Training(n_inputs, layers, initial, coordinates, targets, learning_rate, options.device)
    synchronize = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None

    expected = numpy_loss(n_inputs, layers, initial, coordinates, targets)
    checked = start()
    first_loss = checked.step().item()
    require_agreement("initial state", first_loss, expected)
    for epoch, loss in enumerate(expected_losses[1:], 2):
        require_agreement(f"epoch {epoch}", checked.step().item(), loss)

    trainings = [start() for _ in range(options.networks)]
    seconds = []
    for step in range(options.warmup + options.steps):
        synchronize()
        begin = time.perf_counter()
        for training in trainings:
            training.step()
        synchronize()
        seconds.append((time.perf_counter() - begin) / options.networks)
    seconds = seconds[options.warmup:]
    flops = step_flops(n_inputs, layers, len(coordinates))
    cuda = options.device.startswith("cuda")
    print(json.dumps({
        "peer": "pytorch", "version": torch.__version__, "device": options.device,
        "device_name": torch.cuda.get_device_name(options.device) if cuda else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(), "tf32": options.tf32, "networks": options.networks, "steps": options.steps,
        "n_points": len(coordinates), "widths": [layer[0] for layer in layers], "gflop_per_step": flops / 1e9,
        "initial_loss": first_loss, "checked_epochs": max(len(expected_losses), 1),
        "seconds_per_step": statistics.median(seconds), "seconds_per_step_min": min(seconds),
        "gflops": flops / statistics.median(seconds) / 1e9, "gflops_max": flops / min(seconds) / 1e9,
    }))


if __name__ == "__main__":
    main()
