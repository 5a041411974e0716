/**
 * The emulated driver: that it does what the driver of a device does, and that mistakes of kernels come to light.
 */
import { expect, test } from 'vitest'
import { EmulatedDriver } from './emulator/driver.ts'

const doubled = `
.version 7.0
.target sm_75
.address_size 64
.visible .entry doubled(.param .u64 to, .param .u64 from, .param .u32 length)
{
  .reg .pred %p;
  .reg .b32 %r<4>;
  .reg .b64 %rd<5>;
  .reg .f32 %f<2>;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mad.lo.u32 %r0, %r0, %r1, %r2;
  ld.param.u32 %r3, [length];
  setp.ge.u32 %p, %r0, %r3;
  @%p bra done;
  ld.param.u64 %rd0, [to];
  ld.param.u64 %rd1, [from];
  mul.wide.u32 %rd2, %r0, 4;
  add.u64 %rd3, %rd0, %rd2;
  add.u64 %rd4, %rd1, %rd2;
  ld.global.f32 %f0, [%rd4];
  add.rn.f32 %f1, %f0, %f0;
  st.global.f32 [%rd3], %f1;
done:
  ret;
}`

test('a kernel runs over a grid', () => {
  const driver = new EmulatedDriver()
  driver.use(driver.retainContext(0))
  const length = 1000
  const [to, from] = [driver.alloc(4 * length), driver.alloc(4 * length)]
  driver.upload(
    from,
    Float32Array.from({ length }, (_, i) => i / 7),
    0n,
  )
  const kernel = driver.function(driver.loadModule(doubled), 'doubled')
  const params = new DataView(new ArrayBuffer(20))
  params.setBigUint64(0, to, true)
  params.setBigUint64(8, from, true)
  params.setUint32(16, length, true)
  driver.launch(kernel, { grid: [8, 1, 1], block: [128, 1, 1], sharedBytes: 0 }, new Uint8Array(params.buffer), 0n)
  const result = new Float32Array(length)
  driver.download(result, to, 0n)
  expect([...result]).toEqual(Array.from({ length }, (_, i) => 2 * Math.fround(i / 7)))
})
