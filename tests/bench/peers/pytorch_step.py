#!/usr/bin/env python3
"""Times one training step (forward, mean squared error, backward, Adam; full batch) of PyTorch: the peer that sirencl's
own `bench` is compared with. Default: siren-2d 3x256 with 69 outputs on 19,600 points, 17.53 GFLOP a step.

Before timing, the loss at the initial state must agree with an independent double-precision forward pass in numpy to
1e-4, and with --trace (a file of tests/golden/make_trace.py --real) the losses of all its epochs too; otherwise exit 1.
Prints one JSON object.
"""
import step  # adds tests/golden to the path
import torch

import make_trace


class Training:
    """One network with its data and optimiser on the device."""

    def __init__(self, problem, options):
        network = make_trace.Network(problem.n_inputs, problem.layers)
        network.set_flat(torch.from_numpy(problem.initial))
        network.to(options.device)
        coordinates, targets = (torch.from_numpy(a).to(options.device) for a in (problem.coordinates, problem.targets))
        loss = make_trace.masked_loss if problem.masked else torch.nn.functional.mse_loss
        evaluate = lambda: loss(network(coordinates), targets)
        self.evaluate = torch.compile(evaluate) if options.compile else evaluate
        self.adam = torch.optim.Adam(network.parameters(), lr=problem.learning_rate, fused=options.compile)

    def step(self):
        self.adam.zero_grad()
        loss = self.evaluate()
        loss.backward()
        self.adam.step()
        return loss.detach()


def main():
    parser = step.parse_options(__doc__)
    parser.add_argument("--compile", action="store_true", help="through torch.compile, with the fused Adam")
    options = step.check_options(parser)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    cuda = options.device.startswith("cuda")
    facts = {"peer": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(),
             "compile": options.compile}
    if cuda:
        facts["device_name"] = torch.cuda.get_device_name(options.device)
    synchronize = lambda losses: torch.cuda.synchronize() if cuda else None
    problem = step.Problem(options)
    step.run(options, problem, lambda: Training(problem, options), synchronize, facts)


if __name__ == "__main__":
    main()
