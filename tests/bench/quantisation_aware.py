#!/usr/bin/env python3
"""Whether the last epochs should know that weights will be rounded (docs/fitting.md, Bytes): PSNR of a slice's five-layer network
after rounding, trained by SOAP to the end as it is, and with weights rounded in every forward pass of the last tenth of the epochs,
gradients passing through (straight-through estimator). Rounded to nearest, and with error feedback as
engine/encode/rounding.c does without its last polish. Needs PyTorch and nibabel.

  quantisation_aware.py IMAGE.nii.gz SLICE [--width 46] [--seeds 1 2]
"""
import argparse
import copy
import math
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import nibabel
import numpy as np
import torch

import make_trace
import networks

FORMS = {"int7 --taper 1": (7, 6, 6, 6, 6), "int8": (8, 8, 8, 8, 9), "6, 5, 5, 5, 5": (6, 5, 5, 5, 5)}
EPOCHS, RATE, RIDGE = 500, 6e-3, 1e-4


def round_rows(weights, bits):
    largest = 2 ** (bits - 1) - 1
    step = weights.abs().amax(1, keepdim=True) / largest
    return torch.round(weights / step).clamp(-largest, largest) * step


def train(network, optimiser, coordinates, targets, begin, end, bits=None):
    for epoch in range(begin, end):
        kept = [linear.weight.data for linear in network.linear]
        for linear, b in zip(network.linear[1:], bits or ()):
            linear.weight.data = round_rows(linear.weight.data, b)
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(network(coordinates), targets).backward()
        for linear, weight in zip(network.linear, kept):
            linear.weight.data = weight
        optimiser.rate = RATE * min(1, (epoch + 1) / 20) * (1 - epoch / EPOCHS)
        optimiser.step()


def psnr_of(network, coordinates, targets, bits, feedback):
    """Of its decode with weights of these bits behind the first layer: sums in double precision."""
    layers = [(linear.weight.detach().double().numpy(), linear.bias.detach().double().numpy()) for linear in network.linear]
    trained = rounded = np.sin(30 * (coordinates.double().numpy() @ layers[0][0].T + layers[0][1]))
    wanted = targets.double().numpy()
    for l, ((weights, biases), b) in enumerate(zip(layers[1:], bits)):
        last, largest = l + 2 == len(layers), 2 ** (b - 1) - 1
        before = trained @ weights.T + biases
        if feedback:
            features = np.c_[np.ones(len(rounded)), rounded]
            gram = features.T @ features
            ridge = RIDGE * np.trace(gram) / len(gram)
            gram += ridge * np.eye(len(gram))
            solved = np.linalg.solve(gram, features.T @ (wanted if last else before) + ridge * np.c_[biases, weights].T).T
            factor, step, centres = np.linalg.cholesky(gram), np.abs(solved[:, 1:]).max(1) / largest, solved.copy()
            weights = np.empty_like(weights)
            for j in range(len(gram) - 1, 0, -1):
                weights[:, j - 1] = np.clip(np.rint(centres[:, j] / step), -largest, largest) * step
                centres[:, :j] += np.outer(solved[:, j] - weights[:, j - 1], factor[j, :j] / np.diag(factor)[:j])
            biases = centres[:, 0]
        else:
            weights = round_rows(torch.from_numpy(weights), b).numpy()
        after = rounded @ weights.T + biases
        trained, rounded = (before, after) if last else (np.sin(30 * before), np.sin(30 * after))
    return -10 * math.log10(((rounded - wanted) ** 2).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("slice", type=int)
    parser.add_argument("--width", type=int, default=46)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    voxels = np.asarray(nibabel.load(options.image).dataobj.get_unscaled())[:, :, options.slice].astype(np.float64)
    nx, ny, n_volumes = voxels.shape
    values = voxels.transpose(1, 0, 2).reshape(-1, n_volumes)
    least, most = values.min(0), values.max(0)
    targets = torch.from_numpy(((values - least) / np.where(most > least, most - least, 1)).astype(np.float32))
    n_inputs, layers = networks.layers_of("siren-2d", 5, options.width, n_volumes)
    coordinates = torch.from_numpy(networks.make_coordinates(nx, ny, 1, n_inputs))
    print("seed, weights: as trained, rounded with feedback (to nearest); the same with rounding in the last tenth")
    for seed in options.seeds:
        torch.manual_seed(seed)
        plain = make_trace.Network(n_inputs, layers)
        optimiser = make_trace.Soap(plain, RATE)
        train(plain, optimiser, coordinates, targets, 0, EPOCHS * 9 // 10)
        fork = copy.deepcopy((plain, optimiser))
        train(plain, optimiser, coordinates, targets, EPOCHS * 9 // 10, EPOCHS)
        for name, bits in FORMS.items():
            aware, its = copy.deepcopy(fork)
            train(aware, its, coordinates, targets, EPOCHS * 9 // 10, EPOCHS, bits)
            figures = [psnr_of(n, coordinates, targets, bits, way) for n in (plain, aware) for way in (True, False)]
            exact = psnr_of(plain, coordinates, targets, (24,) * 5, False)
            print("%d, %s: %.2f, %.2f (%.2f); %.2f (%.2f)" % (seed, name, exact, *figures), flush=True)


if __name__ == "__main__":
    main()
