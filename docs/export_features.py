"""Saves the features of a trained PyTorch classifier for `collapse measure`.

    from export_features import export
    export(model, model.fc, train_loader, "features.npz", test_loader)

The features are what goes into the last linear layer, taken by a forward hook, in
evaluation mode. One batch is held on the device at a time.
"""

import numpy as np
import torch


@torch.no_grad()
def collect(model, layer, loader, device):
    features, labels, seen = [], [], []
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1).float().cpu().numpy()))
    try:
        for images, targets in loader:
            seen.clear()
            model(images.to(device))
            features.append(seen[0])
            labels.append(targets.numpy())
    finally:
        hook.remove()
    return np.concatenate(features), np.concatenate(labels)


def export(model, layer, loader, path, test_loader=None, ood_loader=None):
    """Writes path: features, labels, weight and bias, and those of the other loaders."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    arrays = {"weight": layer.weight.detach().float().cpu().numpy()}
    if layer.bias is not None:
        arrays["bias"] = layer.bias.detach().float().cpu().numpy()
    arrays["features"], arrays["labels"] = collect(model, layer, loader, device)
    if test_loader is not None:
        arrays["test_features"], arrays["test_labels"] = collect(model, layer, test_loader, device)
    if ood_loader is not None:
        arrays["ood_features"], _ = collect(model, layer, ood_loader, device)
    np.savez(path, **arrays)
    model.train(training)
