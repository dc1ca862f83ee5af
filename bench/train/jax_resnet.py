"""The training step of the paper's ResNet-18 in JAX, as bench/train measures it.

The same network, batch, element type and step as Collapse's: gather and
normalise a batch of bytes, forward with batch normalisation in training mode,
backward, SGD with momentum and decay on all parameters. Prints one JSON object.

It runs on the device that JAX takes, or that JAX_PLATFORMS names. On a GPU
nothing waits for the device between two looks at the clock.
"""

import argparse
import json
import sys
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
parser.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="float32")
parser.add_argument("--wait", action="store_true", help="before measuring print ready and wait for the end of standard input")
args = parser.parse_args()
# Of products and convolutions of float32; on a GPU the default is TF32.
jax.config.update("jax_default_matmul_precision", "highest" if args.precision == "float32" else "default")

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
            x, params[name].astype(x.dtype), (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def norm(name, x):
        dtype, x = x.dtype, x.astype(jnp.float32)
        mean, var = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
        n = x.size // x.shape[-1]
        new[name + ".mean"] = 0.9 * stats[name + ".mean"] + 0.1 * lax.stop_gradient(mean)
        new[name + ".var"] = 0.9 * stats[name + ".var"] + 0.1 * lax.stop_gradient(var) * (n / (n - 1))
        x = (x - mean) * (params[name + ".weight"] * lax.rsqrt(var + 1e-5)) + params[name + ".bias"]
        return x.astype(dtype)

    x = jax.nn.relu(norm("bn1", conv("conv1", x)))
    for name, cin, cout in blocks():
        stride = 1 if cin == cout else 2
        y = jax.nn.relu(norm(name + ".bn1", conv(name + ".conv1", x, stride)))
        y = norm(name + ".bn2", conv(name + ".conv2", y))
        if cin != cout:
            x = norm(name + ".downsample.1", conv(name + ".downsample.0", x, stride))
        x = jax.nn.relu(x + y)
    x = jnp.mean(x, (1, 2))
    return (x @ params["fc.weight"].T.astype(x.dtype)).astype(jnp.float32) + params["fc.bias"], new


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(params, velocity, stats, images, labels, index, rate):
    x = (images[index].astype(jnp.float32) / 255 - 0.5) / 0.25
    x = x.astype(jnp.bfloat16 if args.precision == "bfloat16" else jnp.float32)  # weights follow, parameters stay
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
order = jnp.asarray(rng.permutation(count).reshape(4, -1), jnp.int32)
batches, rate = list(order), jnp.float32(0.05)
device = jax.devices()[0]


def stretch(first, steps):
    """Runs steps and waits for the device."""
    global params, velocity, stats
    for i in range(first, first + steps):
        params, velocity, stats, loss = step(params, velocity, stats, images, labels, batches[i % 4], rate)
    return float(loss)


# Steps between two looks at the clock: a GPU would be idle for a moment at each.
once = 1 if device.platform == "cpu" else 50
begin = time.perf_counter()
stretch(0, 1)
compile_seconds = time.perf_counter() - begin
if once > 1:
    stretch(1, once)
if args.wait:
    print("ready", flush=True)
    sys.stdin.read()
begin, begin_cpu, steps = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - begin < args.seconds:
    loss = stretch(steps + 1, once)
    steps += once
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
result = {
    "program": "jax", "backend": jax.default_backend(), "device": device.device_kind, "precision": args.precision,
    "width": args.width, "batch": args.batch,
    "images_per_second": steps * args.batch / seconds,
    "images_per_cpu_second": steps * args.batch / cpu_seconds,
    "compile_seconds": compile_seconds, "loss": loss, "version": jax.__version__,
}
memory = device.memory_stats()  # None on a CPU
if memory:
    result["peak_memory_bytes"] = memory["peak_bytes_in_use"]
print(json.dumps(result))
