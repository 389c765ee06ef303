#!/usr/bin/env python3
"""Times one training step of JAX, jitted: the same as pytorch_step.py, with the same options, checks and report."""
import os

import step

options = step.check_options(step.parse_options(__doc__))
if options.threads:
    os.environ["NPROC"] = str(options.threads)  # which XLA reads when its threads start
import jax


def adam(state, gradient, count, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """PyTorch's form. (parameters, m, v) after the step."""
    params, m, v = state
    m = m + (1 - beta1) * (gradient - m)
    v = beta2 * v + (1 - beta2) * gradient * gradient
    m_hat, v_hat = m / (1 - beta1**count), v / (1 - beta2**count)
    return params - rate * m_hat / (jax.numpy.sqrt(v_hat) + epsilon), m, v


def make_step(problem):
    """The jitted (state, count, coordinates, targets) -> (state, count + 1, loss); the state is donated."""
    activations = (lambda z: z, jax.numpy.sin, jax.nn.relu, jax.numpy.tanh)

    def loss_of(flat, coordinates, targets):
        x = coordinates
        for (weights, bias), layer in zip(problem.parameters(flat), problem.layers):
            z = x @ weights.T + bias
            x = activations[layer.activation](layer.w0 * z if layer.activation == step.networks.SINE else z)
        if not problem.masked:
            return jax.numpy.mean((x - targets) ** 2)
        known = jax.numpy.isfinite(targets)
        return jax.numpy.sum(jax.numpy.where(known, x - targets, 0) ** 2) / known.sum()

    def one(state, count, coordinates, targets):
        loss, gradient = jax.value_and_grad(loss_of)(state[0], coordinates, targets)
        return adam(state, gradient, count, problem.learning_rate), count + 1, loss

    return jax.jit(one, donate_argnums=0)


class Training:
    """One network with its data and optimiser on the device."""

    def __init__(self, problem, one, device):
        put = lambda array: jax.device_put(array, device)
        zeros = step.np.zeros_like(problem.initial)
        self.one, self.state, self.count = one, (put(problem.initial), put(zeros), put(zeros)), 1.0
        self.data = put(problem.coordinates), put(problem.targets)

    def step(self):
        self.state, self.count, loss = self.one(self.state, self.count, *self.data)
        return loss


def main():
    if not options.tf32:
        jax.config.update("jax_default_matmul_precision", "highest")
    platform, _, index = options.device.partition(":")
    device = jax.devices(platform)[int(index or 0)]
    problem = step.Problem(options)
    one = make_step(problem)
    facts = {"peer": "jax", "version": jax.__version__, "threads": options.threads or os.cpu_count(), "compile": True}
    if platform != "cpu":
        facts["device_name"] = device.device_kind
    step.run(options, problem, lambda: Training(problem, one, device), jax.block_until_ready, facts)


if __name__ == "__main__":
    main()
