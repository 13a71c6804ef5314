/** The recordings' folder and the samples, asked for when a screen first shows them. */
import { Refused } from '../lib/http'
import { getLibrary, getSamples, type Listing, type Samples } from '../lib/library'

/** While recordings are being read, how often the list is asked for anew, in milliseconds. */
const again = 1000

class Library {
  listing = $state.raw<Listing | null>(null)
  samples = $state.raw<Samples | null>(null)
  state = $state<'' | 'off' | 'failed'>('')
  #timer: number | undefined

  async load(): Promise<void> {
    window.clearTimeout(this.#timer)
    try {
      this.listing = await getLibrary()
      this.state = ''
      if (this.listing.indexing) this.#timer = window.setTimeout(() => void this.load(), again)
    } catch (problem) {
      this.state = problem instanceof Refused && problem.refusal.error === 'no_library' ? 'off' : 'failed'
    }
  }

  async loadSamples(): Promise<void> {
    try {
      this.samples ??= await getSamples()
    } catch {
      this.state = 'failed'
    }
  }
}

export const library = new Library()
