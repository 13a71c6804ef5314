import { mount } from 'svelte'
import App from './App.svelte'
import './app.css'
import { settings } from './stores/settings.svelte'

settings.apply()

const place = document.getElementById('page')
if (place) void settings.speak().then(() => mount(App, { target: place }))
