/** npm run mock -- [live|replay|demo|none] [port]: the mock, until it is interrupted; live plays one event after the other. */
import { startMock } from './server.mjs'

const [what = 'live', port = '8599'] = process.argv.slice(2)
const options = what === 'none' ? { events: 'none' } : { mode: what, ...(what === 'live' ? { first: 8, pace: 700 } : {}) }
const mock = await startMock({ ...options, port: Number(port) })
console.log(mock.url)
