"""The networks of the authors in PyTorch, with the names of their checkpoints (`layout`)."""

import torch
from torch import nn

from ..layout import KINDS, STAGES
from ..table import TableError

DROPOUT = 0.25


class Block(nn.Module):
    """Two convolutions with a way past them, as in ResNet-18."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        past = self.downsample(x) if hasattr(self, "downsample") else x
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + past)


def backbone():
    """Returns ResNet-18 without its last two children; their places are the names in a checkpoint."""
    parts = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for _, width in STAGES:
        parts.append(nn.Sequential(Block(inputs, width, 1 if inputs == width else 2), Block(width, width, 1)))
        inputs = width
    return nn.Sequential(*parts)


class Head(nn.Module):
    """From the pooled features of one or two backbones to two outputs, whose softmax is the score."""

    def __init__(self, features):
        super().__init__()
        self.bn1, self.fc1 = nn.BatchNorm1d(2 * features), nn.Linear(2 * features, 512)
        self.bn2, self.fc2 = nn.BatchNorm1d(512), nn.Linear(512, 2)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, maps):
        x = torch.cat([m.amax((2, 3)) for m in maps] + [m.mean((2, 3)) for m in maps], 1)
        x = torch.relu(self.fc1(self.dropout(self.bn1(x))))
        return self.fc2(self.dropout(self.bn2(x)))


class Net(nn.Module):
    """A network of a kind: pet-ct, pet or ct."""

    def __init__(self, kind):
        super().__init__()
        self.kind = KINDS[kind]
        for prefix in self.kind.backbones.values():
            self.add_module(prefix, backbone())
        for prefix, seen in self.kind.heads.values():
            self.add_module(prefix, Head(512 * len(seen)))

    def forward(self, views):
        """Returns {suffix of a head: outputs}. `views` is cases x (PET, CT) x 3 x rows x columns."""
        images = {"pet": views[:, 0], "ct": views[:, 1]}
        maps = {m: getattr(self, prefix)(images[m].contiguous(memory_format=torch.channels_last)) for m, prefix in self.kind.backbones.items()}
        return {suffix: getattr(self, prefix)([maps[m] for m in seen]) for suffix, (prefix, seen) in self.kind.heads.items()}


def initialise(net, seed, pretrained=None):
    """Draws the weights from a seed (He et al. 2015); the backbones' from a file in torchvision's layout of ResNet-18, if one is given."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(module.bias)
    if pretrained:
        state = _torchvision(pretrained)
        for prefix in net.kind.backbones.values():
            try:
                getattr(net, prefix).load_state_dict(state)
            except RuntimeError as error:
                raise TableError(f"--init: is not a ResNet-18 in torchvision's layout: {str(error).splitlines()[-1].strip()}") from None
    return net.to(memory_format=torch.channels_last)


CHILDREN = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def _torchvision(path):
    """Returns the state dict of a backbone from a file of torchvision's ResNet-18."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        parts = {key: key.partition(".") for key in state}
    except Exception as error:  # of pickle, zip, the disk, or of what is inside
        raise TableError(f"--init: cannot be read: {str(error).splitlines()[0]}") from None
    return {f"{CHILDREN[first]}.{rest}": state[key] for key, (first, _, rest) in parts.items() if first in CHILDREN}
