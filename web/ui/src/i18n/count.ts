import { grouped } from '../lib/template'

/** How many of what: in French none is singular, in English only one is. */
export const french = (count: number, one: string, many: string) => `${grouped(count, 'fr')} ${count < 2 ? one : many}`
export const english = (count: number, one: string, many: string) => `${grouped(count, 'en')} ${count === 1 ? one : many}`
