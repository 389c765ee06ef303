#!/usr/bin/env python3
"""Fits one network to the voxels of a slice in PyTorch, full batch, and prints PSNR against seconds as one JSON object: the peer
of tests/bench/time_to_quality. Adam is torch.optim's, eager or with --compile as in pytorch_step.py; SOAP is that of
tests/golden/make_trace.py, and Muon is below. Seconds are those of the steps and of reading their losses.
"""
import argparse
import json
import math
import time

import step  # adds tests/golden to the path
import numpy as np
import torch

import make_trace
import networks


class Muon:
    """Momentum whose steps are made orthogonal (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"):
    for the weights of each hidden layer but the first, with gradient G,

        M = 0.95 M + G,   X = (G + 0.95 M) / |G + 0.95 M|,   5 times X = 3.4445 X + (-4.775 A + 2.0315 A A) X, A = X X^T,
        W = W - rate sqrt(max(1, rows / columns)) X.

    All other parameters take Adam's step at `others` times the rate."""

    def __init__(self, network, rate, momentum=0.95, others=0.3):
        self.rate, self.momentum, self.others, self.network = rate, momentum, others, network
        self.hidden = [linear.weight for linear in network.linear[1:-1]]
        mine = {id(weight) for weight in self.hidden}
        self.means = [torch.zeros_like(weight) for weight in self.hidden]
        self.adam = torch.optim.Adam([p for p in network.parameters() if id(p) not in mine])

    def zero_grad(self):
        self.network.zero_grad()

    @torch.no_grad()
    def step(self):
        for group in self.adam.param_groups:
            group["lr"] = self.others * self.rate
        self.adam.step()
        for weight, mean in zip(self.hidden, self.means):
            mean.mul_(self.momentum).add_(weight.grad)
            x = weight.grad + self.momentum * mean
            x /= x.norm() + 1e-12
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + (2.0315 * a @ a - 4.775 * a) @ x
            weight -= self.rate * math.sqrt(max(1, weight.shape[0] / weight.shape[1])) * x


class Adam:
    """torch.optim's, with a rate that may change."""

    def __init__(self, network, rate, fused=False):
        self.rate, self.adam = rate, torch.optim.Adam(network.parameters(), lr=rate, fused=fused)
        self.zero_grad = self.adam.zero_grad

    def step(self):
        for group in self.adam.param_groups:
            group["lr"] = self.rate
        self.adam.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", help="float32 array (points, volumes) of numpy.save(), x fastest, each volume from 0 to 1")
    parser.add_argument("--size", type=int, nargs=2, required=True, metavar=("NX", "NY"))
    parser.add_argument("--optimiser", choices=("adam", "soap", "muon"), default="adam")
    parser.add_argument("--compile", action="store_true", help="through torch.compile, with the fused Adam")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--cosine", action="store_true", help="fall to 0 by a cosine after 20 steps of warm-up")
    parser.add_argument("--model", choices=networks.MODELS, default="siren-2d")
    for name, default in (("layers", 3), ("width", 64), ("epochs", 2000), ("seed", 1), ("threads", 0)):
        parser.add_argument("--" + name, type=int, default=default)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    targets = torch.from_numpy(np.load(options.targets))
    n_inputs, layers = networks.layers_of(options.model, options.layers, options.width, targets.shape[1])
    coordinates = torch.from_numpy(networks.make_coordinates(*options.size, 1, n_inputs))
    network = make_trace.Network(n_inputs, layers)
    make = {"adam": lambda *a: Adam(*a, fused=options.compile), "soap": make_trace.Soap, "muon": Muon}[options.optimiser]
    optimiser = make(network, options.rate)
    evaluate = lambda: torch.nn.functional.mse_loss(network(coordinates), targets)
    if options.compile:
        evaluate = torch.compile(evaluate)
        evaluate().backward()  # compiled before the clock starts
    curve = []
    begin, processor_begin = time.perf_counter(), time.process_time()
    for epoch in range(options.epochs + 1):
        optimiser.zero_grad()
        loss = evaluate()
        curve.append((epoch, -10 * math.log10(loss.item()), time.perf_counter() - begin, time.process_time() - processor_begin))
        if epoch == options.epochs:
            break
        if options.cosine:
            optimiser.rate = options.rate * min(1, (epoch + 1) / 20) * 0.5 * (1 + math.cos(math.pi * epoch / options.epochs))
        loss.backward()
        optimiser.step()
    print(json.dumps({"peer": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(),
                      "optimiser": options.optimiser, "compile": options.compile, "epochs": options.epochs, "curve": curve}))


if __name__ == "__main__":
    main()
