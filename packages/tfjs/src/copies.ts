/**
 * More than one copy of TensorFlow.js in a program: finding it out, and saying what to do. Copies
 * that see the same global object share one engine, and all but the loading of saved models works
 * across them. Others know nothing of each other's tensors.
 */
import { FreestepError } from '@freestep/core'
import type { Tensor } from '@tensorflow/tfjs-core'
import * as tfjsCore from '@tensorflow/tfjs-core'
import type { TensorFlow } from './eager.ts'

const remedy =
  'Have everything use one version of @tensorflow/tfjs-core: "npm ls @tensorflow/tfjs-core" lists the copies, "npm dedupe" or an ' +
  'entry under "overrides" in package.json joins them. A bundler may need resolve.dedupe, and a <script> tag does not go with imports.'

/**
 * What the tensors of an engine inherit from, which is of the copy that has made the engine: the
 * one that was loaded first.
 */
const prototypes = new WeakMap<object, object>()

function prototypeOf(tf: TensorFlow): object {
  const engine = tf.engine()
  let prototype = prototypes.get(engine)
  if (!prototype) {
    const probe = tf.tensor(new Float32Array(0), [0], 'float32')
    prototype = Object.getPrototypeOf(probe) as object
    probe.dispose()
    prototypes.set(engine, prototype)
  }
  return prototype
}

/**
 * Refuses a tensor that another copy of TensorFlow.js has made, and that this one therefore cannot
 * reach.
 */
export function refuseForeign(tf: TensorFlow, tensor: Tensor, name: string): void {
  if (
    tf.engine().state.tensorInfo.has(tensor.dataId) ||
    Object.prototype.isPrototypeOf.call(prototypeOf(tf), tensor)
  )
    return
  throw new FreestepError(
    'tfjs',
    'unsupported',
    `${name} is of another copy of TensorFlow.js than the one that @freestep/tfjs imports (${tfjsCore.version_core}). ${remedy}`,
  )
}

/** Every copy puts itself here when it is loaded, in the place of the one before. */
const { platform, platformName } = tfjsCore.env()
let warned = false

/**
 * Whether a copy beside ours shares the engine: one before it, which has made the engine, or one
 * after.
 */
function shared(): boolean {
  const { platform: now, platformName: name } = tfjsCore.env()
  return (
    prototypeOf(tfjsCore) !== tfjsCore.Tensor.prototype ||
    (now !== platform && name === platformName)
  )
}

/** Warns of copies that share the engine, once. */
export function warnOfCopies(): void {
  if (warned || !shared()) return
  warned = true
  console.warn(
    '[freestep/tfjs] There is more than one copy of TensorFlow.js in this program. Training works, but a model that is loaded by ' +
      `another copy than the one @freestep/tfjs imports (${tfjsCore.version_core}) does not find the optimizer it was saved with. ${remedy}`,
  )
}
