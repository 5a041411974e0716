/** What to do where a test's device is not there: skip, visibly, unless FREESTEP_REQUIRE names webgpu, as continuous integration does. */
export function absent(reason: string | undefined): string | undefined {
  if (reason && process.env.FREESTEP_REQUIRE?.split(',').includes('webgpu'))
    throw new Error(`FREESTEP_REQUIRE=webgpu, but: ${reason}`)
  return reason
}
