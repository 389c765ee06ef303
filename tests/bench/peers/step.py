"""What the peers of `sirencl bench` share: the training step (the same numbers for each), the check of their losses, the
clock and the report."""
import argparse
import json
import pathlib
import platform
import statistics
import sys
import time

import numpy as np

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "golden"))
import networks


class Problem:
    """A network with its data: what a peer starts from. Arrays are numpy's, float32."""

    def __init__(self, options):
        if options.trace:
            trace = networks.read_trace(options.trace)
            self.n_inputs, self.layers, self.initial = trace["n_inputs"], trace["layers"], trace["initial"]
            self.coordinates, self.targets = trace["coordinates"], trace["targets"]
            self.learning_rate, self.losses = trace["learning_rate"], trace["loss_double"].tolist()
        else:
            random = np.random.default_rng(1)
            self.n_inputs, self.layers = networks.layers_of(options.model, options.layers, options.width, options.outputs)
            self.coordinates = networks.make_coordinates(*options.size, self.n_inputs)
            phase = self.coordinates @ random.normal(0, 6, (self.n_inputs, options.outputs))
            self.targets = (0.5 + 0.5 * np.sin(phase)).astype(np.float32)
            bounds = [(networks.initial_bound(d, layer.w0, layer.init), (d + 1) * layer.width)
                      for d, layer in zip(networks.widths_of(self.n_inputs, self.layers), self.layers)]
            self.initial = np.concatenate([random.uniform(-b, b, n) for b, n in bounds]).astype(np.float32)
            self.learning_rate, self.losses = 3e-4, []
        self.masked = bool(np.isnan(self.targets).any())

    def parameters(self, flat):
        """[(weights (out, in), bias (out))] of each layer"""
        at, parts = 0, []
        for d, layer in zip(networks.widths_of(self.n_inputs, self.layers), self.layers):
            end = at + layer.width * d
            parts.append((flat[at:end].reshape(layer.width, d), flat[end:end + layer.width]))
            at = end + layer.width
        return parts

    def reference_loss(self):
        """Of the initial parameters, in double precision."""
        x = self.coordinates.astype(np.float64)
        for (weights, bias), layer in zip(self.parameters(self.initial.astype(np.float64)), self.layers):
            z = x @ weights.T + bias
            x = (z, np.sin(layer.w0 * z), np.maximum(z, 0), np.tanh(z), np.maximum(z, z / 8))[layer.activation]
        return float(np.nanmean((x - self.targets) ** 2))

    def step_flops(self):
        """As siren_network_step_flops(): forward, weight gradients, input gradients of all layers but the first."""
        widths = networks.widths_of(self.n_inputs, self.layers)
        macs = sum(d * h for d, h in zip(widths, widths[1:]))
        return 2.0 * len(self.coordinates) * (3 * macs - widths[0] * widths[1])


def parse_options(description):
    """A parser of the options that all peers have; the peer adds its own and calls check_options()."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0 = the peer's choice")
    parser.add_argument("--steps", type=int, default=20, help="timed steps")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--networks", type=int, default=1, help="independent networks, stepped one after the other")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 matrix units (cuda)")
    parser.add_argument("--trace", metavar="PATH", help="initial state and data from this trace")
    parser.add_argument("--model", choices=networks.MODELS, default="siren-2d")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--outputs", type=int, default=69)
    parser.add_argument("--size", type=int, nargs=3, default=(140, 140, 1), metavar=("NX", "NY", "NZ"))
    return parser


def check_options(parser):
    options = parser.parse_args()
    if options.steps < 1 or options.warmup < 1 or options.networks < 1 or options.threads < 0:
        parser.error("--steps, --warmup and --networks must be at least 1, --threads at least 0")
    return options


def require_agreement(what, value, expected):
    if not abs(value / expected - 1) < 1e-4:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {what}: loss {value} instead of {expected}")


def run(options, problem, start, synchronize, facts):
    """Checks the losses, times the steps and prints the report. start() gives a training, whose step() enqueues a step and
    returns what float() makes the loss before it; synchronize(losses) waits for these. `facts` go into the report."""
    checked = start()
    first_loss = float(checked.step())
    require_agreement("initial state", first_loss, problem.reference_loss())
    for epoch, loss in enumerate(problem.losses[1:], 2):
        require_agreement(f"epoch {epoch}", float(checked.step()), loss)

    trainings = [start() for _ in range(options.networks)]
    seconds, processor_seconds = [], []
    for _ in range(options.warmup + options.steps):
        begin, processor_begin = time.perf_counter(), time.process_time()
        synchronize([training.step() for training in trainings])
        seconds.append((time.perf_counter() - begin) / options.networks)
        processor_seconds.append((time.process_time() - processor_begin) / options.networks)
    seconds = seconds[options.warmup:]
    flops = problem.step_flops()
    print(json.dumps({
        "device": options.device, "device_name": platform.processor() or platform.machine(), **facts,
        "tf32": options.tf32, "networks": options.networks, "steps": options.steps,
        "n_points": len(problem.coordinates), "widths": [layer.width for layer in problem.layers],
        "gflop_per_step": flops / 1e9, "initial_loss": first_loss, "checked_epochs": max(len(problem.losses), 1),
        "seconds_per_step": statistics.median(seconds), "seconds_per_step_min": min(seconds),
        "processor_seconds": statistics.median(processor_seconds[options.warmup:]),
        "gflops": flops / statistics.median(seconds) / 1e9, "gflops_max": flops / min(seconds) / 1e9,
    }))
