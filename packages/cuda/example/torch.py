"""
A PyTorch model whose parameters somebody else steps: torch.js starts this, gets handles to the device memory of parameters and gradients, and asks
for one backward pass after the other. Standard input is a line for each pass, standard output a line for each answer.
"""

import base64
import ctypes
import json
import sys

import torch

driver = ctypes.CDLL('nvcuda.dll' if sys.platform == 'win32' else 'libcuda.so.1')


def check(result):
    if result:
        sys.exit('the driver refused: %d' % result)


def shared(tensor):
    """Where a tensor is: the handle of the allocation that holds it, for other processes, and how far into it."""
    base, size, handle = ctypes.c_uint64(), ctypes.c_size_t(), ctypes.create_string_buffer(64)
    check(driver.cuMemGetAddressRange_v2(ctypes.byref(base), ctypes.byref(size), ctypes.c_uint64(tensor.data_ptr())))
    check(driver.cuIpcGetMemHandle(handle, base))
    return {
        'handle': base64.b64encode(handle.raw).decode(),
        'offset': tensor.data_ptr() - base.value,
        'length': tensor.numel(),
        'dtype': str(tensor.dtype).replace('torch.', ''),
    }


torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)).cuda()
x = torch.randn(512, 20, device='cuda')
y = (x[:, :1] * x[:, 1:2] > 0).float()
for parameter in model.parameters():
    # Gradients stay where they are: backward() adds to them.
    parameter.grad = torch.zeros_like(parameter)
tensors = {
    name: {'parameter': shared(parameter), 'gradient': shared(parameter.grad)} for name, parameter in model.named_parameters()
}
print(json.dumps(tensors), flush=True)

for _ in sys.stdin:
    for parameter in model.parameters():
        parameter.grad.zero_()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), y)
    loss.backward()
    # The other process must not read gradients before they are there.
    torch.cuda.synchronize()
    print(json.dumps(loss.item()), flush=True)
