// dog, launch 0: pass

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
  @align(16) list: array<Piece, 1024>,
}

@group(0) @binding(0) var<uniform> table: Table;
@group(0) @binding(1) var<storage, read_write> numbers: array<f32>;
@group(0) @binding(2) var<storage, read> states: array<f32>;
@group(0) @binding(3) var<storage, read> g_0: array<f32>;

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
  let at_g = piece.g;
  let at_moved = table.at_moved + piece.state;
  var sum0 = vec2<f32>();
  var sum1 = vec2<f32>();
  for (var i = start + local; i < end; i += 64u) {
    let g = g_0[at_g + i];
    let moved = states[at_moved + i];
    let t8 = moved * moved;
    let t14 = g * g;
    accumulate(&sum0, finite(t8));
    accumulate(&sum1, finite(t14));
  }
  shares[0][local] = settled(sum0);
  shares[1][local] = settled(sum1);
  collect(local);
  for (var k = local; k < 2u; k += 64u) {
    numbers[table.partials + 2u * (piece.partial + segment) + k] = shares[k][0];
  }
}

// dog, launch 1: reduce

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
    numbers[totals.slots + 2u * totals.tensors + tensor] = shares[0][0];
    numbers[totals.slots + 3u * totals.tensors + tensor] = shares[1][0];
  }
}

// dog, launch 2: scalar

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
  for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
    let active_ = numbers[totals.slots + 1u * totals.tensors + tensor];
    let t9 = numbers[totals.slots + 2u * totals.tensors + tensor];
    let sum_0 = numbers[totals.slots + 0u * totals.tensors + tensor];
    let t10 = select(sum_0, t9, positive(active_));
    numbers[totals.slots + 4u * totals.tensors + tensor] = t10;
    numbers[totals.slots + 0u * totals.tensors + tensor] = t10;
  }
  storageBarrier();
  workgroupBarrier();
  {
    var sum0 = vec2<f32>();
    var sum1 = vec2<f32>();
    for (var tensor = local; tensor < totals.tensors; tensor += 64u) {
      accumulate(&sum0, numbers[totals.slots + 4u * totals.tensors + tensor]);
      accumulate(&sum1, numbers[totals.slots + 3u * totals.tensors + tensor]);
    }
    shares[0][local] = settled(sum0);
    shares[1][local] = settled(sum1);
    collect(local);
    if (local == 0u) {
      numbers[3u] = shares[0][0];
      numbers[4u] = shares[1][0];
    }
  }
  storageBarrier();
  workgroupBarrier();
  if (local == 0u) {
    let t11 = numbers[3u];
    let rBar = numbers[0u];
    let G = numbers[1u];
    let t16 = numbers[4u];
    let t12 = sqrt(t11);
    let t13 = larger(rBar, t12);
    let t17 = G + t16;
    let t18 = sqrt(t17);
    let t19 = t13 / t18;
    let t21 = select(0f, t19, positive(t18));
    numbers[5u] = t21;
    numbers[0u] = t13;
    numbers[1u] = t17;
    numbers[2u] = t21;
  }
}

// dog, launch 3: pass

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
  let t21 = numbers[5u];
  let at_x = piece.x;
  let at_g = piece.g;
  let at_moved = table.at_moved + piece.state;
  for (var i = start + local; i < end; i += 64u) {
    let x = x_0[at_x + i];
    let g = g_0[at_g + i];
    let moved = states[at_moved + i];
    let t22 = t21 * g;
    let t23 = -t22;
    let t24 = moved + t23;
    let t25 = x + t23;
    x_0[at_x + i] = t25;
    states[at_moved + i] = t24;
  }
}
