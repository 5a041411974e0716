/** Placeholder */
export class Races {
  thread = 0
  warpBarrier(_s: number, _l: number) {}
  barrier(_g: readonly number[]) {}
  touch(_s: 'global' | 'shared', _k: number, _a: number, _b: number, _p: number) {}
  fence(_w: boolean) {}
  begin(_grid: number, _threads: number) {}
  block(_b: number) {}
}
