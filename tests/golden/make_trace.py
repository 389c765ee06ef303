#!/usr/bin/env python3
"""Trains small networks in PyTorch and writes what happened, for the tests to compare with.

  make_trace.py                       writes the traces of the test suite beside this file
  make_trace.py --real PATH [options] writes one trace of real size to PATH; compare on demand with
                                      SIREN_TRACE=PATH ctest -R train_reference
  make_trace.py --show PATH           prints a trace's sizes and losses

Every trace is trained twice from the same float32 numbers, once in double and once in single precision, on one
thread. File format, little-endian: "SIRENTR1"; u32 nx, ny, nz, n_epochs, best_evaluated, best_stepped; f64 learning
rate; u32 n_inputs, n_layers; per layer u32 width, u32 activation (cl/layout.h), f32 w0, u32 init (engine/model/network.h);
f32 coordinates (n_points, n_inputs); f32 targets (n_points, n_outputs), NaN = no data; f32 initial parameters;
f64 losses of the double run (n_epochs); f64 losses of the single run; f64 final parameters of the double run;
f32 final parameters of the single run. The files beside this one: PyTorch 2.15.0, x86-64.
Points: i = (z*ny + y)*nx + x, x fastest. Parameters: per layer the weights (out, in), then the bias.
Losses are those before each step. best_evaluated is the epoch (from 1) of the lowest loss; best_stepped the last
epoch at which loss and published PSNR both beat those kept before.
"""
import argparse
import math
import pathlib
import struct
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True  # the source tree stays clean
from networks import (IDENTITY, LINEAR, Layer, MODELS, RELU, SINE, TANH, initial_bound, layers_of, make_coordinates,
                      read_trace, widths_of)


class Network(torch.nn.Module):
    def __init__(self, n_inputs, layers):
        super().__init__()
        self.layers = layers
        widths = widths_of(n_inputs, layers)
        self.linear = torch.nn.ModuleList(torch.nn.Linear(d, h) for d, h in zip(widths, widths[1:]))
        with torch.no_grad():
            for linear, (_, _, w0, init) in zip(self.linear, layers):
                bound = initial_bound(linear.in_features, w0, init)
                linear.weight.uniform_(-bound, bound)
                linear.bias.uniform_(-bound, bound)

    def forward(self, x):
        for linear, (_, activation, w0, _) in zip(self.linear, self.layers):
            x = linear(x)
            if activation == SINE:
                x = torch.sin(w0 * x)
            elif activation == RELU:
                x = torch.relu(x)
            elif activation == TANH:
                x = torch.tanh(x)
        return x

    def flat(self):
        return torch.cat([p.detach().flatten() for p in self.parameters()])

    def set_flat(self, values):
        # The parameters become views of their source, and training would overwrite it: hence the copy.
        torch.nn.utils.vector_to_parameters(values.clone(), self.parameters())


def make_targets(coordinates, n_outputs, generator, n_missing=0):
    """Smooth waves and noise, each output scaled to [0, 1]."""
    frequency = 6 * torch.randn(coordinates.shape[1], n_outputs, generator=generator)
    phase = 6.28 * torch.rand(n_outputs, generator=generator)
    values = torch.sin(coordinates @ frequency + phase)
    values = values + 0.1 * torch.randn(values.shape, generator=generator)
    low, high = values.min(0).values, values.max(0).values
    values = (values - low) / (high - low)
    missing = torch.randperm(values.numel(), generator=generator)[:n_missing]
    values.view(-1)[missing] = math.nan
    return values


def masked_loss(prediction, targets):
    mask = torch.isfinite(targets)
    return ((prediction[mask] - targets[mask]) ** 2).mean()


def published_psnr(prediction, targets):
    mask = torch.isfinite(targets)
    rounded = torch.round(targets[mask].clamp(0, 1) * 255) / 255
    return -10 * torch.log10(((prediction[mask] - rounded) ** 2).mean()).item()


class Soap:
    """Adam in the eigenbasis of Shampoo's factors (Vyas et al. 2024, arXiv:2409.11321, algorithm 3), a layer's bias as the
    last column of its matrix. The first gradient makes the bases, from the axes, and moves nothing."""

    def __init__(self, network, rate, betas=(0.9, 0.9), epsilon=1e-8, refresh=10, first_turns=4):
        self.network, self.rate, self.betas, self.epsilon = network, rate, betas, epsilon
        self.refresh, self.first_turns, self.n_steps = refresh, first_turns, 0
        self.state = [None] * len(network.linear)

    def zero_grad(self):
        self.network.zero_grad()

    def turn(self, state):
        for side in "LR":
            state["Q" + side] = torch.linalg.qr(state[side] @ state["Q" + side])[0]

    @torch.no_grad()
    def step(self):
        self.n_steps += 1
        beta1, beta2 = self.betas
        for i, linear in enumerate(self.network.linear):
            x = torch.cat([linear.weight.grad, linear.bias.grad[:, None]], 1)
            if self.state[i] is None:
                axes = [torch.eye(n, dtype=x.dtype) for n in x.shape]
                self.state[i] = dict(L=axes[0] * 0, R=axes[1] * 0, QL=axes[0], QR=axes[1], m=x * 0, v=x * 0)
            state = self.state[i]
            state["L"].lerp_(x @ x.T, 1 - beta2)
            state["R"].lerp_(x.T @ x, 1 - beta2)
            if self.n_steps > 1:
                t, ql, qr = self.n_steps - 1, state["QL"], state["QR"]
                y = ql.T @ x @ qr
                state["m"].lerp_(x, 1 - beta1)
                state["v"].lerp_(y * y, 1 - beta2)
                mean = ql.T @ state["m"] @ qr / (1 - beta1**t)
                step = ql @ (mean / ((state["v"] / (1 - beta2**t)).sqrt() + self.epsilon)) @ qr.T
                linear.weight -= self.rate * step[:, :-1]
                linear.bias -= self.rate * step[:, -1]
            for _ in range(self.first_turns if self.n_steps == 1 else self.n_steps % self.refresh == 0):
                self.turn(state)


def adam(network, rate):
    return torch.optim.Adam(network.parameters(), lr=rate, foreach=False)


def train(n_inputs, layers, initial, coordinates, targets, n_epochs, learning_rate, dtype, make_optimiser):
    """(losses, final parameters, best_evaluated, best_stepped)"""
    network = Network(n_inputs, layers).to(dtype)
    network.set_flat(initial.to(dtype))
    coordinates, targets = coordinates.to(dtype), targets.to(dtype)
    optimiser = make_optimiser(network, learning_rate)
    losses, best_evaluated, best_stepped = [], 0, 0
    best_loss, best_psnr = 1e8, 0.0
    for epoch in range(1, n_epochs + 1):
        optimiser.zero_grad()
        prediction = network(coordinates)
        loss = masked_loss(prediction, targets)
        loss.backward()
        if loss.item() < min(losses, default=math.inf):
            best_evaluated = epoch
        losses.append(loss.item())
        psnr = published_psnr(prediction.detach(), targets)
        if losses[-1] < best_loss and psnr > best_psnr:
            best_loss, best_psnr, best_stepped = losses[-1], psnr, epoch
        optimiser.step()
    return losses, network.flat(), best_evaluated, best_stepped


def write_trace(path, n_inputs, layers, size, n_epochs, learning_rate, seed, n_missing=0, make_optimiser=adam):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    n_outputs = layers[-1].width
    coordinates = torch.from_numpy(make_coordinates(*size, n_inputs))
    targets = make_targets(coordinates, n_outputs, generator, n_missing)
    initial = Network(n_inputs, layers).flat()
    run = lambda dtype: train(n_inputs, layers, initial, coordinates, targets, n_epochs, learning_rate, dtype,
                              make_optimiser)
    double, final_double, best_evaluated, best_stepped = run(torch.float64)
    single, final_single, _, _ = run(torch.float32)
    with open(path, "wb") as f:
        f.write(b"SIRENTR1" + struct.pack("<6Id2I", *size, n_epochs, best_evaluated, best_stepped, learning_rate,
                                          n_inputs, len(layers)))
        for layer_width, activation, w0, init in layers:
            f.write(struct.pack("<IIfI", layer_width, activation, w0, init))
        for array, dtype in ((coordinates, "<f4"), (targets, "<f4"), (initial, "<f4"), (double, "<f8"),
                             (single, "<f8"), (final_double, "<f8"), (final_single, "<f4")):
            f.write(np.asarray(array).astype(dtype).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--show", metavar="PATH")
    parser.add_argument("--real", metavar="PATH", help="write one trace of real size, the defaults of the options below")
    parser.add_argument("--model", choices=MODELS, default="siren-2d")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--outputs", type=int, default=69)
    parser.add_argument("--size", type=int, nargs=3, default=(140, 140, 1), metavar=("NX", "NY", "NZ"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--missing", type=int, default=0, help="targets without data")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if options.show:
        for key, value in read_trace(options.show).items():
            print(key, value.shape if isinstance(value, np.ndarray) and not key.startswith("loss") else value)
    elif options.real:
        network = layers_of(options.model, options.layers, options.width, options.outputs)
        write_trace(options.real, *network, tuple(options.size), options.epochs, options.lr, options.seed, options.missing)
    else:
        def write(name, model, n_hidden, width, n_outputs, *rest):
            write_trace(options.folder / f"trace_{name}.bin", *layers_of(model, n_hidden, width, n_outputs), *rest)

        write("siren_2d", "siren-2d", 3, 20, 5, (9, 7, 1), 10, 3e-4, 1)
        write("siren_3d", "siren-3d", 2, 11, 3, (5, 4, 3), 10, 2e-4, 2)
        write("siren_2d_relu", "siren-2d-relu", 2, 13, 3, (9, 7, 1), 10, 3e-4, 3, 12)
        write("mlp_relu", "mlp-relu", 1, 14, 3, (9, 7, 1), 10, 3e-4, 4)
        write("mlp_tanh", "mlp-tanh", 1, 14, 3, (9, 1, 1), 10, 3e-4, 5)
        write("mlp_siren", "mlp-siren", 1, 14, 3, (9, 7, 1), 10, 3e-4, 6)
        write("mlp_siren_last", "mlp-siren-last", 2, 14, 3, (9, 7, 1), 10, 3e-4, 8)
        write("siren_2d_tanh", "siren-2d-tanh", 2, 13, 3, (9, 7, 1), 10, 3e-4, 9, 12)
        # Steps so long that the loss rises now and then show which weights a snapshot keeps. In the second run the
        # two rules keep different epochs; its losses are too small to be followed in single precision.
        write("snapshot", "siren-2d", 2, 10, 2, (9, 7, 1), 12, 3e-2, 6)
        write("snapshot_rules", "siren-2d", 2, 10, 1, (3, 3, 1), 100, 1e-2, 7)
        # Matrices with bias that are square, so that every direction of a factor has a gradient: of those that have
        # none, rounding would choose.
        square = [Layer(3, SINE, 3.0, LINEAR), Layer(4, SINE, 3.0, LINEAR), Layer(5, IDENTITY, 3.0, LINEAR)]
        write_trace(options.folder / "trace_soap.bin", 2, square, (9, 7, 1), 24, 5e-3, 1, 12, Soap)


if __name__ == "__main__":
    main()
