#!/usr/bin/env python3
"""Trains a small network on features in PyTorch and writes what happened, for tests/engine/train/train_features.c.

  make_features.py [FOLDER]     writes trace_features.bin there, beside this file by default

Ten steps of Adam on all points, with the cosine schedule, twice from the same float32 numbers: in double and in single precision. The
loss is the code length of docs/context-training.md, written as differences of sigmoids in double precision and in the stable form in
single, with gradients by autograd. File format, little-endian: "SIRENFT1"; u32 n_inputs, n_hidden, width, n_points, n_steps, n_values;
f64 learning rate; f32 features (n_points, n_inputs), edges (n_points, 2), initial parameters; f64 losses of the double run (n_steps),
f64 of the single run; f64 final parameters of the double run, f32 of the single run. Parameters: per layer the weights (out, in), then
the bias. The file beside this one: PyTorch 2.15.0, x86-64.
"""
import math
import pathlib
import struct
import sys

import torch

K, SHARE, FAR = 3, 2e-4, 1e6


def bits(outputs, edges, n_values):
    mean, scale, weight = outputs[:, :K], torch.exp(outputs[:, K:2 * K].clamp(-7, 5)), torch.softmax(outputs[:, 2 * K:], 1)
    low, high = (edges.clamp(-FAR, FAR)[:, i:i + 1] for i in (0, 1))
    a, b = (high - mean) / scale, (low - mean) / scale
    if outputs.dtype == torch.float64:
        mass = torch.sigmoid(a) - torch.sigmoid(b)
    else:
        mass = torch.sigmoid(a) * torch.sigmoid(-b) * -torch.expm1((low - high) / scale)
    return -torch.log2((1 - SHARE) * (weight * mass).sum(1) + SHARE / n_values)


def network(n_inputs, n_hidden, width):
    layers, n = [], n_inputs
    for _ in range(n_hidden):
        layers += [torch.nn.Linear(n, width), torch.nn.LeakyReLU(0.125)]
        n = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(n, 3 * K))


def train(initial, shape, features, edges, n_steps, n_values, rate, dtype):
    net = network(*shape).to(dtype)
    torch.nn.utils.vector_to_parameters(initial.to(dtype).clone(), net.parameters())
    adam = torch.optim.Adam(net.parameters(), lr=rate, foreach=False)
    losses = []
    for step in range(n_steps):
        adam.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / n_steps))
        adam.zero_grad()
        loss = bits(net(features.to(dtype)), edges.to(dtype), n_values).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses, torch.nn.utils.parameters_to_vector(net.parameters()).detach()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    torch.set_num_threads(1)
    torch.manual_seed(3)
    shape, n_points, n_steps, n_values, rate = (17, 2, 13), 150, 10, 1000, 2e-2
    features = torch.randn(n_points, shape[0])
    spread = torch.exp(0.5 * features[:, 1])
    value = torch.round(8 * (features[:, 0] + spread * torch.randn(n_points))) / 8
    edges = torch.stack([value - 1 / 16, value + 1 / 16], 1)
    edges[::17, 0], edges[5::19, 1] = -math.inf, math.inf
    initial = torch.nn.utils.parameters_to_vector(network(*shape).parameters()).detach()
    double, final_double = train(initial, shape, features, edges, n_steps, n_values, rate, torch.float64)
    single, final_single = train(initial, shape, features, edges, n_steps, n_values, rate, torch.float32)
    print(double, single)
    with open(folder / "trace_features.bin", "wb") as f:
        f.write(b"SIRENFT1" + struct.pack("<6Id", *shape, n_points, n_steps, n_values, rate))
        for values, dtype in ((features, "<f4"), (edges, "<f4"), (initial, "<f4"), (torch.tensor(double, dtype=torch.float64), "<f8"),
                              (torch.tensor(single, dtype=torch.float64), "<f8"), (final_double, "<f8"), (final_single, "<f4")):
            f.write(values.numpy().astype(dtype).tobytes())


if __name__ == "__main__":
    main()
