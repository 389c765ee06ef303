#!/usr/bin/env python3
"""Variants of SOAP on one slice, in PyTorch: what docs/fitting.md says did not pay. Prints the best PSNR after every 50 epochs and
at the end, for siren-2d with initial weights of its own.

With G a layer's gradient (outputs, inputs + 1), H its inputs with a column of ones and D the gradient at its outputs, one row a
point, the factors that the bases come from are

    gradient     means of G G^T and G^T G: SOAP
    inputs       G G^T, and H^T H in the place of G^T G
    kfac         D^T D and H^T H (Martens and Grosse 2015, arXiv:1503.05671)
    kl           means of G R^-1 G^T / columns and G^T L^-1 G / rows, each by the other (Lin et al. 2025, arXiv:2509.03378)
"""
import argparse
import math
import pathlib

import nibabel
import numpy as np
import torch

W0 = 30.0


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("slice", type=int)
    parser.add_argument("--factors", choices=("gradient", "inputs", "kfac", "kl"), default="gradient")
    parser.add_argument("--exact", action="store_true", help="bases by eigenvectors, not by a step of iteration")
    parser.add_argument("--turn-squares", action="store_true", help="second moments turn with the bases")
    parser.add_argument("--epsilon", type=float, default=0, help="of the root mean square of a layer's second moments")
    parser.add_argument("--exponent", type=float, default=0.5, help="of the second moments; other than 0.5: steps of RMS 1")
    parser.add_argument("--decay", type=float, default=0, help="of weights, times the rate")
    parser.add_argument("--pull", type=float, default=0, help="towards the initial weights, times the rate")
    parser.add_argument("--beta1-end", type=float, help="to which beta1 rises from epoch 20 on")
    parser.add_argument("--power", type=float, default=1, help="of the linear schedule")
    for name, default in (("layers", 3), ("width", 64), ("epochs", 500), ("seed", 1), ("refresh", 10), ("threads", 1)):
        parser.add_argument("--" + name, type=int, default=default)
    for name, default in (("rate", 0), ("beta1", 0.9), ("beta2", 0.9), ("beta-factors", 0.9)):
        parser.add_argument("--" + name, type=float, default=default)
    options = parser.parse_args()
    if not options.rate:  # lr auto
        few = options.layers <= 3
        options.rate = min(12e-3, 0.75 / options.width) if few else min(6e-3, 0.3 / options.width)
    return options


def load(options):
    """(coordinates, targets): (points, 2), (points, volumes)"""
    voxels = np.asarray(nibabel.load(options.image).dataobj)[:, :, options.slice, :].astype(np.float32)
    points = voxels.reshape(-1, voxels.shape[2])
    low, high = points.min(0), points.max(0)
    axes = [np.linspace(-1, 1, n) for n in voxels.shape[:2]]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    return (torch.tensor(grid, dtype=torch.float32),
            torch.from_numpy((points - low) / np.where(high > low, high - low, 1)))


def gradients(weights, coordinates, targets):
    """Loss, and of each layer G, H and D."""
    ones, h, inputs, sums = torch.ones(len(coordinates), 1), coordinates, [], []
    for i, w in enumerate(weights):
        inputs.append(torch.cat([h, ones], 1))
        sums.append(inputs[-1] @ w.T)
        h = torch.sin(W0 * sums[-1]) if i < len(weights) - 1 else sums[-1]
    error = h - targets
    d, found = error * (2 / error.numel()), []
    for i in reversed(range(len(weights))):
        found.insert(0, (d.T @ inputs[i], inputs[i], d))
        if i:
            d = (d @ weights[i][:, :-1]) * (W0 * torch.cos(W0 * sums[i - 1]))
    return (error * error).mean().item(), found


class Layer:
    def __init__(self, w, options):
        rows, columns = w.shape
        self.w, self.start, self.options = w, w.clone(), options
        self.factors = [torch.zeros(rows, rows), torch.zeros(columns, columns)]
        self.bases = [torch.eye(rows), torch.eye(columns)]
        self.inverses = [torch.eye(rows), torch.eye(columns)]
        self.mean, self.squares = torch.zeros(rows, columns), torch.zeros(rows, columns)

    def see(self, g, h, d, first, turns):
        gain, kind = 1 - self.options.beta_factors, self.options.factors
        left, right = g @ g.T, g.T @ g
        if kind == "kl" and not first:
            left, right = g @ self.inverses[1] @ g.T / g.shape[1], g.T @ self.inverses[0] @ g / g.shape[0]
        if kind in ("inputs", "kfac") and turns:
            self.factors[1] = h.T @ h / len(h)
        elif kind not in ("inputs", "kfac"):
            self.factors[1].lerp_(right, gain)
        if kind == "kfac" and turns:
            self.factors[0] = d.T @ d * len(d)
        elif kind != "kfac":
            self.factors[0].lerp_(left, gain)

    def step(self, g, rate, beta1, correction1, correction2):
        o, (left, right) = self.options, self.bases
        y = left.T @ g @ right
        self.mean.lerp_(g, 1 - beta1)
        self.squares.lerp_(y * y, 1 - o.beta2)
        v = self.squares / correction2
        step = (left.T @ self.mean @ right / correction1) / (v.pow(o.exponent) + 1e-12 + o.epsilon * v.mean().sqrt())
        if o.exponent != 0.5:
            step /= step.pow(2).mean().sqrt()
        self.w -= rate * (left @ step @ right.T + o.decay * self.w + o.pull * (self.w - self.start))

    def turn(self, first):
        for side, (s, q) in enumerate(zip(self.factors, self.bases)):
            new = (torch.linalg.eigh(s.double())[1].flip(1).float() if self.options.exact or first
                   else torch.linalg.qr(s / s.trace() @ q)[0])
            if self.options.turn_squares:
                turned = (q.T @ new) ** 2
                self.squares = self.squares @ turned if side else turned.T @ self.squares
            self.bases[side] = new
            values = torch.diagonal(new.T @ s @ new).clamp_min(0)
            self.inverses[side] = new @ torch.diag(1 / (values / values.mean() + 1e-6)) @ new.T


def main():
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    coordinates, targets = load(options)
    sizes = [2] + [options.width] * options.layers + [targets.shape[1]]
    bounds = [0.5] + [math.sqrt(6 / n) / W0 for n in sizes[1:-1]]
    weights = [torch.empty(n, m + 1).uniform_(-b, b) for m, n, b in zip(sizes, sizes[1:], bounds)]
    layers, best, remaining1 = [Layer(w, options) for w in weights], -math.inf, 1.0
    for epoch in range(options.epochs + 1):
        loss, found = gradients(weights, coordinates, targets)
        best = max(best, -10 * math.log10(loss)) if loss == loss else best
        if epoch % 50 == 0:
            print(f"{epoch}: {best:.2f}", end="  ", flush=True)
        if epoch == options.epochs:
            break
        at = epoch / options.epochs
        rate = options.rate * (1 - at) ** options.power * min(1, (epoch + 1) / 20)
        beta1 = options.beta1
        if options.beta1_end and epoch > 20:
            beta1 += (options.beta1_end - beta1) * at
        turns, first = epoch % options.refresh == options.refresh - 1, epoch == 0
        remaining1 *= 1 if first else beta1
        for layer, (g, h, d) in zip(layers, found):
            layer.see(g, h, d, first, turns or first)
            if not first:
                layer.step(g, rate, beta1, 1 - remaining1, 1 - options.beta2 ** epoch)
            if turns or first:
                layer.turn(first)
    print(f"best {best:.2f}")


if __name__ == "__main__":
    main()
