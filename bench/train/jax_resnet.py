"""The training step of the paper's ResNet-18 in JAX, as bench/train measures it.

The same network, batch, element type and step as Collapse's: gather and
normalise a batch of bytes, forward with batch normalisation in training mode,
backward, SGD with momentum and decay on all parameters. Prints one JSON object.
"""

import argparse
import json
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seconds", type=float, default=20)
args = parser.parse_args()

rng = np.random.default_rng(2021)
params, stats = {}, {}


def add_conv(name, size, cin, cout):
    deviation = np.sqrt(2 / (size * size * cout))
    params[name] = jnp.asarray(rng.normal(0, deviation, (size, size, cin, cout)), jnp.float32)


def add_norm(name, channels):
    params[name + ".weight"], params[name + ".bias"] = jnp.ones(channels), jnp.zeros(channels)
    stats[name + ".mean"], stats[name + ".var"] = jnp.zeros(channels), jnp.ones(channels)


def blocks():
    cin = args.width
    for stage in range(4):
        cout = args.width << stage
        for block in range(2):
            yield f"layer{stage + 1}.{block}", cin, cout
            cin = cout


add_conv("conv1", 3, 3, args.width)
add_norm("bn1", args.width)
for name, cin, cout in blocks():
    add_conv(name + ".conv1", 3, cin, cout)
    add_norm(name + ".bn1", cout)
    add_conv(name + ".conv2", 3, cout, cout)
    add_norm(name + ".bn2", cout)
    if cin != cout:
        add_conv(name + ".downsample.0", 1, cin, cout)
        add_norm(name + ".downsample.1", cout)
features = 8 * args.width
bound = 1 / np.sqrt(features)
params["fc.weight"] = jnp.asarray(rng.uniform(-bound, bound, (10, features)), jnp.float32)
params["fc.bias"] = jnp.asarray(rng.uniform(-bound, bound, 10), jnp.float32)


def forward(params, stats, x):
    new = {}

    def conv(name, x, stride=1):
        pad = params[name].shape[0] // 2
        return lax.conv_general_dilated(
            x, params[name], (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def norm(name, x):
        mean, var = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        n = x.size // x.shape[-1]
        new[name + ".mean"] = 0.9 * stats[name + ".mean"] + 0.1 * lax.stop_gradient(mean)
        new[name + ".var"] = 0.9 * stats[name + ".var"] + 0.1 * lax.stop_gradient(var) * (n / (n - 1))
        return (x - mean) * (params[name + ".weight"] * lax.rsqrt(var + 1e-5)) + params[name + ".bias"]

    x = jax.nn.relu(norm("bn1", conv("conv1", x)))
    for name, cin, cout in blocks():
        stride = 1 if cin == cout else 2
        y = jax.nn.relu(norm(name + ".bn1", conv(name + ".conv1", x, stride)))
        y = norm(name + ".bn2", conv(name + ".conv2", y))
        if cin != cout:
            x = norm(name + ".downsample.1", conv(name + ".downsample.0", x, stride))
        x = jax.nn.relu(x + y)
    x = jnp.mean(x, (1, 2))
    return x @ params["fc.weight"].T + params["fc.bias"], new


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(params, velocity, stats, images, labels, index, rate):
    x = (images[index].astype(jnp.float32) / 255 - 0.5) / 0.25
    y = labels[index]

    def objective(params):
        logits, new = forward(params, stats, x)
        logp = jax.nn.log_softmax(logits)
        return -jnp.mean(jnp.take_along_axis(logp, y[:, None], 1)), new

    (loss, stats), grads = jax.value_and_grad(objective, has_aux=True)(params)
    velocity = jax.tree.map(lambda v, g, p: 0.9 * v + g + 5e-4 * p, velocity, grads, params)
    params = jax.tree.map(lambda p, v: p - rate * v, params, velocity)
    return params, velocity, stats, loss


velocity = jax.tree.map(jnp.zeros_like, params)
count = 4 * args.batch
images = jnp.asarray(rng.integers(0, 256, (count, 32, 32, 3)), jnp.uint8)
labels = jnp.asarray(rng.integers(0, 10, count), jnp.int32)
order = rng.permutation(count).astype(np.int32)


def run(i):
    global params, velocity, stats
    index = order[i % 4 * args.batch:][:args.batch]
    params, velocity, stats, loss = step(params, velocity, stats, images, labels, index, 0.05)
    return float(loss)


begin = time.perf_counter()
run(0)
compile_seconds = time.perf_counter() - begin
begin, begin_cpu, steps = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - begin < args.seconds:
    steps += 1
    run(steps)
print(json.dumps({
    "program": "jax", "backend": jax.default_backend(), "width": args.width, "batch": args.batch,
    "images_per_second": steps * args.batch / (time.perf_counter() - begin),
    "images_per_cpu_second": steps * args.batch / (time.process_time() - begin_cpu),
    "compile_seconds": compile_seconds,
}))
