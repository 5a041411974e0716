// prodigy, launch 0: pass

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
  at_moved: u32,
  at_m: u32,
  at_v: u32,
  at_s: u32,
  @align(16) list: array<Piece, 1024>,
}

@group(0) @binding(0) var<uniform> table: Table;
@group(0) @binding(1) var<storage, read_write> numbers: array<f32>;
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
@group(0) @binding(3) var<storage, read_write> x_0: array<f32>;
@group(0) @binding(4) var<storage, read> g_0: array<f32>;

// A term of a sum: zero where it is not finite.
fn finite(a: f32) -> f32 {
  return select(0f, a, (bitcast<u32>(a) & 0x7f800000u) != 0x7f800000u);
}

// Adds to a sum, and what rounding loses to its second part: D. Knuth, TAOCP 2, section 4.2.2,
// theorem B.
fn accumulate(sum: ptr<function, vec2<f32>>, a: f32) {
  let before = (*sum).x;
  let after = before + a;
  let added = after - before;
  *sum = vec2<f32>(after, (*sum).y + ((before - (after - added)) + (a - added)));
}

// The sum with what rounding lost, unless the sum overflowed.
fn settled(sum: vec2<f32>) -> f32 {
  return select(sum.x, sum.x + sum.y, abs(sum.y) < 1e38f);
}

var<workgroup> shares: array<array<f32, 64>, 2>;

// Adds up what the threads left in shares[k], into shares[k][0].
fn collect(local: u32) {
  workgroupBarrier();
  if (local < 8u) {
    for (var k = 0u; k < 2u; k++) {
      var sum = 0f;
      for (var i = local; i < 64u; i += 8u) {
        sum += shares[k][i];
      }
      shares[k][local] = sum;
    }
  }
  workgroupBarrier();
  for (var k = local; k < 2u; k += 64u) {
    var sum = 0f;
    for (var i = 0u; i < 8u; i += 1u) {
      sum += shares[k][i];
    }
    shares[k][0] = sum;
  }
  workgroupBarrier();
}

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
  let d = numbers[1u];
  let t14 = d / 0.000001f;
  let t18 = 0.1f * d;
  let t37 = t14 * d;
  let t51 = d * 1e-8f;
  let decay_s = numbers[table.slots + 0u * table.tensors + tensor];
  let at_x = piece.x;
  let at_g = piece.g;
  let at_moved = table.at_moved + piece.state;
  let at_m = table.at_m + piece.state;
  let at_v = table.at_v + piece.state;
  let at_s = table.at_s + piece.state;
  var sum0 = vec2<f32>();
  var sum1 = vec2<f32>();
  for (var i = start + local; i < end; i += 64u) {
    let x = x_0[at_x + i];
    let g = g_0[at_g + i];
    let moved = states[at_moved + i];
    let m = states[at_m + i];
    let v = states[at_v + i];
    let s = states[at_s + i];
    let t12 = decay_s * s;
    let t16 = 0.9f * m;
    let t19 = t18 * g;
    let t20 = t16 + t19;
    let t21 = d * g;
    let t22 = t21 * t21;
    let t24 = 0.999f * v;
    let t26 = 0.001f * t22;
    let t27 = t24 + t26;
    let t30 = g * moved;
    let t36 = 0.99949986f * t12;
    let t38 = t37 * g;
    let t39 = t36 + t38;
    let t40 = abs(t39);
    let t49 = sqrt(t27);
    let t52 = t49 + t51;
    let t53 = t20 / t52;
    let t54 = d * t53;
    let t55 = -t54;
    let t59 = moved + t55;
    let t60 = x + t55;
    accumulate(&sum0, finite(t30));
    accumulate(&sum1, finite(t40));
    x_0[at_x + i] = t60;
    states[at_moved + i] = t59;
    states[at_v + i] = t27;
    states[at_s + i] = t39;
    states[at_m + i] = t20;
  }
  shares[0][local] = settled(sum0);
  shares[1][local] = settled(sum1);
  collect(local);
  for (var k = local; k < 2u; k += 64u) {
    numbers[table.partials + 2u * (piece.partial + segment) + k] = shares[k][0];
  }
}

// prodigy, launch 1: reduce

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

// Adds to a sum, and what rounding loses to its second part: D. Knuth, TAOCP 2, section 4.2.2,
// theorem B.
fn accumulate(sum: ptr<function, vec2<f32>>, a: f32) {
  let before = (*sum).x;
  let after = before + a;
  let added = after - before;
  *sum = vec2<f32>(after, (*sum).y + ((before - (after - added)) + (a - added)));
}

// The sum with what rounding lost, unless the sum overflowed.
fn settled(sum: vec2<f32>) -> f32 {
  return select(sum.x, sum.x + sum.y, abs(sum.y) < 1e38f);
}

var<workgroup> shares: array<array<f32, 64>, 2>;

// Adds up what the threads left in shares[k], into shares[k][0].
fn collect(local: u32) {
  workgroupBarrier();
  if (local < 8u) {
    for (var k = 0u; k < 2u; k++) {
      var sum = 0f;
      for (var i = local; i < 64u; i += 8u) {
        sum += shares[k][i];
      }
      shares[k][local] = sum;
    }
  }
  workgroupBarrier();
  for (var k = local; k < 2u; k += 64u) {
    var sum = 0f;
    for (var i = 0u; i < 8u; i += 1u) {
      sum += shares[k][i];
    }
    shares[k][0] = sum;
  }
  workgroupBarrier();
}

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let tensor = id.x + id.y * grid.x;
  if (tensor >= totals.tensors) { return; }
  var sum0 = vec2<f32>();
  var sum1 = vec2<f32>();
  for (var i = ranges[tensor].row + local; i < ranges[tensor].row + ranges[tensor].rows; i += 64u) {
    accumulate(&sum0, numbers[totals.partials + 2u * i + 0u]);
    accumulate(&sum1, numbers[totals.partials + 2u * i + 1u]);
  }
  shares[0][local] = settled(sum0);
  shares[1][local] = settled(sum1);
  collect(local);
  if (local == 0u) {
    numbers[totals.slots + 5u * totals.tensors + tensor] = shares[0][0];
    numbers[totals.slots + 6u * totals.tensors + tensor] = shares[1][0];
  }
}

// prodigy, launch 2: scalar

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

// The larger of two, NaN if one of them is.
fn larger(a: f32, b: f32) -> f32 {
  return select(max(a, b), bits(0x7fc00000u), isNaN(a) | isNaN(b));
}

fn isNaN(a: f32) -> bool {
  return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u;
}

// A number that WGSL has no literal for; the variable keeps it from being evaluated, and refused,
// beforehand.
var<private> none = 0u;
fn bits(pattern: u32) -> f32 {
  return bitcast<f32>(pattern | none);
}

// a > 0: false for NaN.
fn positive(a: f32) -> bool {
  return bitcast<u32>(a) - 1u < 0x7f800000u;
}

// Adds to a sum, and what rounding loses to its second part: D. Knuth, TAOCP 2, section 4.2.2,
// theorem B.
fn accumulate(sum: ptr<function, vec2<f32>>, a: f32) {
  let before = (*sum).x;
  let after = before + a;
  let added = after - before;
  *sum = vec2<f32>(after, (*sum).y + ((before - (after - added)) + (a - added)));
}

// The sum with what rounding lost, unless the sum overflowed.
fn settled(sum: vec2<f32>) -> f32 {
  return select(sum.x, sum.x + sum.y, abs(sum.y) < 1e38f);
}

var<workgroup> shares: array<array<f32, 64>, 2>;

// Adds up what the threads left in shares[k], into shares[k][0].
fn collect(local: u32) {
  workgroupBarrier();
  if (local < 8u) {
    for (var k = 0u; k < 2u; k++) {
      var sum = 0f;
      for (var i = local; i < 64u; i += 8u) {
        sum += shares[k][i];
      }
      shares[k][local] = sum;
    }
  }
  workgroupBarrier();
  for (var k = local; k < 2u; k += 64u) {
    var sum = 0f;
    for (var i = 0u; i < 8u; i += 1u) {
      sum += shares[k][i];
    }
    shares[k][0] = sum;
  }
  workgroupBarrier();
}

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_index) local: u32,
) {
  if (local == 0u) {
    let d = numbers[1u];
    let r = numbers[0u];
    let t14 = d / 0.000001f;
    let t18 = 0.1f * d;
    let t29 = 0.99949986f * r;
    let t37 = t14 * d;
    let t51 = d * 1e-8f;
    numbers[3u] = t14;
    numbers[4u] = t18;
    numbers[5u] = t29;
    numbers[6u] = t37;
    numbers[7u] = t51;
  }
  storageBarrier();
  workgroupBarrier();
  for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
    let sum_0 = numbers[totals.slots + 1u * totals.tensors + tensor];
    let decay_s = numbers[totals.slots + 0u * totals.tensors + tensor];
    let active_ = numbers[totals.slots + 2u * totals.tensors + tensor];
    let t42 = 0.99949986f * sum_0;
    let t56 = 0.99949986f * decay_s;
    let t58 = select(t56, 1f, positive(active_));
    numbers[totals.slots + 3u * totals.tensors + tensor] = t42;
    numbers[totals.slots + 4u * totals.tensors + tensor] = t58;
  }
  storageBarrier();
  workgroupBarrier();
  for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
    let d = numbers[1u];
    let t31 = numbers[totals.slots + 5u * totals.tensors + tensor];
    let active_ = numbers[totals.slots + 2u * totals.tensors + tensor];
    let t41 = numbers[totals.slots + 6u * totals.tensors + tensor];
    let t42 = numbers[totals.slots + 3u * totals.tensors + tensor];
    let t32 = d * t31;
    let t43 = select(t42, t41, positive(active_));
    numbers[totals.slots + 7u * totals.tensors + tensor] = t32;
    numbers[totals.slots + 8u * totals.tensors + tensor] = t43;
    numbers[totals.slots + 1u * totals.tensors + tensor] = t43;
  }
  storageBarrier();
  workgroupBarrier();
  {
    var sum0 = vec2<f32>();
    var sum1 = vec2<f32>();
    for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
      accumulate(&sum0, numbers[totals.slots + 7u * totals.tensors + tensor]);
      accumulate(&sum1, numbers[totals.slots + 8u * totals.tensors + tensor]);
    }
    shares[0][local] = settled(sum0);
    shares[1][local] = settled(sum1);
    collect(local);
    if (local == 0u) {
      numbers[8u] = shares[0][0];
      numbers[9u] = shares[1][0];
    }
  }
  storageBarrier();
  workgroupBarrier();
  if (local == 0u) {
    let t14 = numbers[3u];
    let t33 = numbers[8u];
    let t29 = numbers[5u];
    let t44 = numbers[9u];
    let d = numbers[1u];
    let t34 = t14 * t33;
    let t35 = t29 - t34;
    let t45 = t35 / t44;
    let t47 = select(0f, t45, positive(t44));
    let t48 = larger(d, t47);
    numbers[0u] = t35;
    numbers[1u] = t48;
    numbers[2u] = t47;
  }
  storageBarrier();
  workgroupBarrier();
  for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
    let t58 = numbers[totals.slots + 4u * totals.tensors + tensor];
    numbers[totals.slots + 0u * totals.tensors + tensor] = t58;
  }
}
