"""How prodigyopt.safetensors and dadaptation.safetensors were made, for docs/checkpoints.md: 20 steps of a small problem,
exported; then 20 more, printed. With torch 1.13, prodigyopt 1.1.2, dadaptation 3.2."""
import torch
from dadaptation import DAdaptAdam
from export import export
from prodigyopt import Prodigy

torch.set_default_dtype(torch.float64)


def run(make, path):
    weight = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    bias = torch.nn.Parameter(torch.zeros(2))
    a = torch.tensor([[1.0, 0.1], [0.01, 1.0]])
    target = torch.tensor([[0.0, 1.0], [-1.0, 2.0]])
    optimizer = make([weight, bias])
    for k in range(40):
        if k == 20:
            export(optimizer, path)
            print(path, 'at 20', weight.flatten().tolist(), bias.tolist())
        optimizer.zero_grad()
        (0.5 * (a * (weight - target) ** 2).sum() + 0.5 * ((bias + 1) ** 2).sum()).backward()
        optimizer.step()
    print(path, 'at 40', weight.flatten().tolist(), bias.tolist())


run(lambda params: Prodigy(params, weight_decay=0.01), 'prodigyopt.safetensors')
run(lambda params: DAdaptAdam(params), 'dadaptation.safetensors')
