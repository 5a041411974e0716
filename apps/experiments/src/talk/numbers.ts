/** Numbers by name: what a method's state is read as, and what is sampled. */
export type Numbers = Record<string, number>
