from safetensors.torch import save_file

def export(optimizer, path):
    tensors = {}
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    for i, p in enumerate(parameters):
        state = optimizer.state[p]  # empty for a parameter that never had a gradient
        for name in ('exp_avg', 'exp_avg_sq', 's', 'p0'):
            if name in state:
                # prodigyopt keeps a single 0 as p0 where the parameter started at zero
                value = state[name].expand_as(state['s']) if name == 'p0' else state[name]
                tensors[f'{i}.{name}'] = value.detach().cpu().double().contiguous()
    group = optimizer.param_groups[0]
    names = ('d', 'd0', 'd_numerator', 'd_hat', 'numerator_weighted')
    numbers = {name: repr(float(group[name])) for name in names if name in group}
    save_file(tensors, path, metadata={'k': str(group['k']), 'parameters': str(len(parameters)), **numbers})
