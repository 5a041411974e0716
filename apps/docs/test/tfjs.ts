/** What the package `@tensorflow/tfjs` exports, from those of its parts that are installed here. */
import '@tensorflow/tfjs-backend-cpu'

export * from '@tensorflow/tfjs-core'
export * from '@tensorflow/tfjs-layers'
