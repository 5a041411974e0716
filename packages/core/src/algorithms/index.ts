/** Every algorithm, one file each; a new one is a line here. Not a registry: nothing is looked up by name at run time. */
export { type AdamOptions, adam, adamW } from './adam.ts'
export { type DadaptAdamOptions, dadaptAdam } from './dadaptAdam.ts'
export { type DogOptions, dog } from './dog.ts'
export { type ProdigyOptions, prodigy } from './prodigy.ts'
export { type SgdOptions, sgd } from './sgd.ts'
