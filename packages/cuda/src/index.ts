export { type DeviceFacts, type Driver, DriverError, results, type Spread } from './driver.ts'
