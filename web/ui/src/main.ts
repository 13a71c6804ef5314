import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { settings } from './stores/settings.svelte'

settings.apply()

const place = document.getElementById('page')
/** How long the page waits for its letters, in ms: words set in others first would move when they come. */
const patience = 250
const letters = Promise.race([
  Promise.allSettled(["1em 'Inter'", "1em 'Post Mono'", "600 1em 'Post Mono'"].map((font) => document.fonts.load(font))),
  new Promise((late) => setTimeout(late, patience)),
])
if (place) void Promise.all([settings.speak(), letters]).then(() => mount(App, { target: place }))
