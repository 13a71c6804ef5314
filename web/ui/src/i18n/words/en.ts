/** All that the page says in English: one file of the built page, read before anything is shown. */
import { en as bytes } from '../../screens/bytes/en'
import { en as compare } from '../../screens/compare/en'
import { en as diff } from '../../screens/diff/en'
import { en as ladder } from '../../screens/ladder/en'
import { en as library } from '../../screens/library/en'
import { en as message } from '../../screens/message/en'
import { en as present } from '../../screens/present/en'
import { en as settings } from '../../screens/settings/en'
import { en as setup } from '../../screens/setup/en'
import { en as states } from '../../screens/states/en'
import { en as page } from '../en'
import type { Words } from './fr'

export const words: Words = { page, bytes, compare, diff, ladder, library, message, present, settings, setup, states }
