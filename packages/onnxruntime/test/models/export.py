"""
How the models here were made: by PyTorch and its ONNX exporters, with gradients by its autograd in float64 as recordings.
Not run by any test: `python export.py` in this folder, with torch 2.13, onnx 1.23 and onnxscript 0.7 installed, writes the files anew.
"""
import json

import onnx
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1)


class Digits(nn.Module):
    """A small convolutional network for images of 28 x 28."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.hidden = nn.Linear(16 * 7 * 7, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, image):
        x = F.relu(self.conv1(image))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.hidden(torch.flatten(x, 1)))
        return self.head(x)


class Transformer(nn.Module):
    """One block with everything a language model has: embeddings, attention under a causal mask, GELU, layer norms."""

    def __init__(self, vocabulary=11, width=8, heads=2, length=6):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(length, width) * 0.3)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.heads = heads

    def forward(self, tokens):
        batch, length = tokens.shape
        x = self.tokens(tokens) + self.places[:length]
        q, k, v = self.attention(self.norm1(x)).chunk(3, dim=-1)
        split = lambda t: t.view(batch, length, self.heads, -1).transpose(1, 2)
        scores = split(q) @ split(k).transpose(-2, -1) / (q.shape[-1] // self.heads) ** 0.5
        mask = torch.ones(length, length, dtype=torch.bool).tril()
        scores = scores.masked_fill(~mask, float("-inf"))
        mixed = (F.softmax(scores, dim=-1) @ split(v)).transpose(1, 2).reshape(batch, length, -1)
        x = x + self.out(mixed)
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return x @ self.tokens.weight.T


class Residual(nn.Module):
    """Convolutions with batch norm, a strided shortcut, grouped convolution, average pools."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=2, bias=False)
        self.norm2 = nn.BatchNorm2d(4)
        self.shortcut = nn.Conv2d(4, 4, 1, stride=2)
        self.head = nn.Linear(4, 3)

    def forward(self, image):
        x = F.leaky_relu(self.norm1(self.conv1(image)))
        x = torch.sigmoid(self.norm2(self.conv2(x))) * self.shortcut(x)
        x = F.avg_pool2d(x, 3, stride=2, padding=1)
        return F.log_softmax(self.head(x.mean((2, 3))), dim=-1)


def listed(tensor):
    return {"shape": list(tensor.shape), "data": tensor.detach().double().flatten().tolist()}


def record(name, model, inputs, loss, train):
    """Loss and gradients by autograd in float64, at the float32 parameters of the exported file; running statistics after the step."""
    model = model.double().train(train)
    inputs = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
    model.zero_grad()
    value = loss(model(*inputs.values()))
    value.backward()
    recording = {
        "inputs": {key: listed(each) for key, each in inputs.items()},
        "loss": value.item(),
        "gradients": {key: listed(each.grad) for key, each in model.named_parameters()},
        "statistics": {key: listed(each) for key, each in model.named_buffers() if each.is_floating_point()},
    }
    with open(f"goldens/{name}.json", "w") as file:
        json.dump(recording, file, separators=(",", ":"))
        file.write("\n")
    model.float()


def export(name, model, inputs, dynamic, **options):
    names = list(inputs)
    args = tuple(inputs.values())
    torch.onnx.export(model, args, f"{name}.onnx", input_names=names, output_names=["output"], external_data=False, **dynamic, **options)
    # Traces of this file's place on the machine that ran it.
    exported = onnx.load(f"{name}.onnx")
    for node in exported.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in [*exported.graph.value_info, *exported.graph.input, *exported.graph.output]:
        value.ClearField("metadata_props")
    exported.graph.ClearField("doc_string")
    exported.ClearField("metadata_props")
    onnx.save(exported, f"{name}.onnx")


def dynamo(*axes):
    return {"dynamo": True, "dynamic_shapes": axes}


batch = torch.export.Dim("batch")
image = torch.randn(3, 1, 28, 28)
export("../../example/digits", Digits().eval(), {"image": image}, dynamo({0: batch}), opset_version=18)

tokens = torch.tensor([[1, 4, 4, 0, 9, 2], [10, 3, 1, 1, 7, 5]])
weights = torch.randn(2, 6, 11, dtype=torch.float64) * 0.1
model = Transformer()
for norm in (model.norm1, model.norm2):  # the exporters make one initializer of equal ones
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.uniform_(norm.bias, -0.5, 0.5)
export("transformer", model.eval(), {"tokens": tokens}, dynamo({0: batch}), opset_version=18)
export("transformer-scripted", model, {"tokens": tokens}, {"dynamo": False, "dynamic_axes": {"tokens": {0: "batch", 1: "length"}}}, opset_version=17)
record("transformer", model, {"tokens": tokens}, lambda y: F.cross_entropy(y.reshape(-1, 11), tokens.roll(-1, 1).flatten()), True)

images = torch.randn(4, 2, 6, 7)
model = Residual()
for norm in (model.norm1, model.norm2):
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.uniform_(norm.bias, -0.5, 0.5)
preserved = {"dynamo": False, "training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
export("residual", model.train(), {"image": images}, {**preserved, "dynamic_axes": {"image": {0: "batch"}}}, opset_version=17)
record("residual", model, {"image": images}, lambda y: F.nll_loss(y, torch.tensor([0, 2, 1, 1])), True)
