"""The parts of a training step: batches, learning rate, loss, and the running average of the weights."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def batches(positions, y, recipe, rng):
    """Returns the patients of each batch of an epoch."""
    positive, negative = positions[y[positions]], positions[~y[positions]]
    size = min(recipe.batch, len(positions))
    if not recipe.positives:
        order = rng.permutation(np.concatenate([negative, np.tile(positive, recipe.oversample)]))
        parts = [order[i:i + size] for i in range(0, len(order), size)]
        return parts if len(parts[-1]) > 1 else parts[:-1]  # normalisation needs two
    share = min(max(round(recipe.positives * size), 1), size - 1)
    count = -(-len(positions) // size)
    return [np.concatenate(pair) for pair in zip(_endless(positive, share, count, rng), _endless(negative, size - share, count, rng))]


def _endless(positions, size, count, rng):
    """Returns `count` parts of a row of shuffled copies."""
    copies = -(-size * count // len(positions))
    row = np.concatenate([rng.permutation(positions) for _ in range(copies)])
    return [row[i * size:(i + 1) * size] for i in range(count)]


def share(positions, y, recipe):
    """Returns the share of positives that a training sees."""
    if recipe.positives:
        size = min(recipe.batch, len(positions))
        return min(max(round(recipe.positives * size), 1), size - 1) / size
    positive, n = recipe.oversample * y[positions].sum(), len(positions)
    return float(positive / (positive + n - y[positions].sum()))


def rate(recipe, epoch, done):
    """Returns the learning rate after a share `done` of all steps, in an epoch."""
    if recipe.step_epochs:  # the authors': five epochs from a tenth, then a tenth of it at a time
        return recipe.rate * (0.1 + 0.9 * epoch / 5 if epoch < 5 else 0.1 ** ((epoch - 5) // recipe.step_epochs))
    if done < recipe.warm_up:
        return recipe.rate * max(done / recipe.warm_up, 0.01)
    return recipe.rate * 0.5 * (1 + np.cos(np.pi * (done - recipe.warm_up) / (1 - recipe.warm_up)))


def optimiser(net, recipe):
    """Returns the optimiser. Biases and normalisation do not decay, but for the authors' SGD, where all do."""
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(net.parameters(), recipe.rate, momentum=0.9, weight_decay=recipe.weight_decay)
    groups = [[p for p in net.parameters() if p.ndim > 1], [p for p in net.parameters() if p.ndim <= 1]]
    return torch.optim.AdamW([{"params": groups[0], "weight_decay": recipe.weight_decay}, {"params": groups[1], "weight_decay": 0.0}], recipe.rate)


class Loss:
    """The loss of all heads. The focal loss has class weights, which the authors' scripts lose (bug `focal`)."""

    def __init__(self, recipe):
        self.recipe = recipe
        self.class_weights = torch.tensor([1.0, recipe.ratio])

    def of_head(self, outputs, labels):
        outputs = outputs.float()
        if not self.recipe.focal:
            return functional.cross_entropy(outputs, labels, label_smoothing=self.recipe.smoothing)
        log_p = functional.log_softmax(outputs, 1).gather(1, labels[:, None])[:, 0]
        weights = self.class_weights.to(labels.device)[labels]
        if "focal" in self.recipe.bugs.split("+"):
            self.class_weights = weights.cpu()
        return (-weights * (1 - log_p.exp()) ** self.recipe.focal * log_p).mean()

    def __call__(self, outputs, labels):
        rest = [self.of_head(o, labels) for suffix, o in outputs.items() if suffix]
        return self.of_head(outputs[""], labels) + self.recipe.auxiliary * sum(rest)


def mixed(x, recipe, rng):
    """Returns planes mixed with those of other patients of the batch, the order of the others, and the share of the first."""
    if not recipe.mixup:
        return x, None, 1.0
    part, order = float(rng.beta(recipe.mixup, recipe.mixup)), torch.from_numpy(rng.permutation(len(x)))
    return part * x + (1 - part) * x[order], order, part


class Average:
    """The running average of the weights; the younger it is, the faster it forgets."""

    def __init__(self, net, decay):
        self.decay, self.steps = decay, 0
        self.state = {k: v.detach().clone() for k, v in net.state_dict().items()}

    def update(self, net):
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.decay else 0.0
        with torch.no_grad():
            for key, value in net.state_dict().items():
                if value.is_floating_point():
                    self.state[key].lerp_(value, 1 - keep)
                else:
                    self.state[key].copy_(value)


def settle(net, planes, size=64):
    """Estimates the statistics of normalisation anew, for weights that were averaged."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momentum = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # a plain mean over the batches
    net.train()
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.eval()
    with torch.no_grad():
        for x in planes(size):
            net(x)
    for m, value in zip(norms, momentum):
        m.momentum = value
    net.eval()
