/**
 * Where memories lie in the addresses of a device, and how accesses to them are told apart.
 * Constants only.
 */

/** The upper half of addresses that lead into a block's or thread's own memory. */
export const windows = { shared: 0x7e01, local: 0x7e02, param: 0x7e03 } as const

/** The upper half of addresses of device 0; each further device has the next. */
export const globalWindow = 0x7f00

/** What an access does: plainly, or in a way that other threads may meet at any time. */
export const access = {
  read: 0,
  write: 1,
  strongRead: 2,
  strongWrite: 3,
  atomic: 4,
  constantRead: 5,
} as const

/** What memory holds that nobody has written: NaN in every type of floating point. */
export const poison = 0xff
