// adam, launch 0: pass

struct Piece {
  group: u32,
  length: u32,
  tensor: u32,
  partial: u32,
  pair: u32,
  x: u32,
  g: u32,
  state: u32,
  kept: u32,
  phase: u32,
  stride: u32,
  unused: u32,
}

struct Table {
  groups: u32,
  pieces: u32,
  segment: u32,
  tensors: u32,
  slots: u32,
  partials: u32,
  at_m: u32,
  at_v: u32,
  @align(16) list: array<Piece, 1024>,
}

@group(0) @binding(0) var<uniform> table: Table;
@group(0) @binding(1) var<storage, read_write> numbers: array<f32>;
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
@group(0) @binding(3) var<storage, read_write> x_0: array<f32>;
@group(0) @binding(4) var<storage, read> g_0: array<f32>;

// The piece that a group of threads belongs to.
fn find(group: u32) -> u32 {
  var low = 0u;
  var high = table.pieces;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (table.list[middle].group <= group) { low = middle; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let group = id.x + id.y * grid.x;
  if (group >= table.groups) { return; }
  let piece = table.list[find(group)];
  let segment = group - piece.group;
  let start = segment * table.segment;
  let end = min(start + table.segment, piece.length);
  let tensor = piece.tensor;
  let c1 = numbers[table.slots + 0u * table.tensors + tensor];
  let c2 = numbers[table.slots + 1u * table.tensors + tensor];
  let t12 = 0.9f * c1;
  let t13 = t12 + 0.1f;
  let t20 = 0.999f * c2;
  let t21 = t20 + 0.001f;
  let t23 = sqrt(t21);
  let t25 = 1f / t23;
  let t31 = 0.001f / t13;
  let at_x = piece.x;
  let at_g = piece.g;
  let at_m = table.at_m + piece.state;
  let at_v = table.at_v + piece.state;
  for (var i = start + local; i < end; i += 64u) {
    let x = x_0[at_x + i];
    let g = g_0[at_g + i];
    let m = states[at_m + i];
    let v = states[at_v + i];
    let t8 = 0.9f * m;
    let t10 = 0.1f * g;
    let t11 = t8 + t10;
    let t14 = g * g;
    let t16 = 0.999f * v;
    let t18 = 0.001f * t14;
    let t19 = t16 + t18;
    let t22 = sqrt(t19);
    let t26 = t22 * t25;
    let t28 = t26 + 1e-8f;
    let t29 = t11 / t28;
    let t32 = t31 * t29;
    let t33 = -t32;
    let t36 = x + t33;
    x_0[at_x + i] = t36;
    states[at_v + i] = t19;
    states[at_m + i] = t11;
  }
}

// adam, launch 1: scalar

struct Totals {
  rows: u32,
  tensors: u32,
  slots: u32,
  partials: u32,
}

struct Range {
  row: u32,
  rows: u32,
}

@group(0) @binding(0) var<uniform> totals: Totals;
@group(0) @binding(1) var<storage, read> ranges: array<Range>;
@group(0) @binding(2) var<storage, read_write> numbers: array<f32>;

// a > 0: false for NaN.
fn positive(a: f32) -> bool {
  return bitcast<u32>(a) - 1u < 0x7f800000u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_index) local: u32,
) {
  for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
    let c1 = numbers[totals.slots + 0u * totals.tensors + tensor];
    let c2 = numbers[totals.slots + 1u * totals.tensors + tensor];
    let active_ = numbers[totals.slots + 2u * totals.tensors + tensor];
    let t12 = 0.9f * c1;
    let t13 = t12 + 0.1f;
    let t20 = 0.999f * c2;
    let t21 = t20 + 0.001f;
    let t23 = sqrt(t21);
    let t25 = 1f / t23;
    let t31 = 0.001f / t13;
    let t34 = select(c2, t21, positive(active_));
    let t35 = select(c1, t13, positive(active_));
    numbers[totals.slots + 3u * totals.tensors + tensor] = t25;
    numbers[totals.slots + 4u * totals.tensors + tensor] = t31;
    numbers[totals.slots + 1u * totals.tensors + tensor] = t34;
    numbers[totals.slots + 0u * totals.tensors + tensor] = t35;
  }
}
