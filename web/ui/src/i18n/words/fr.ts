/** All that the page says in French: one file of the built page, read before anything is shown. */
import { fr as bytes } from '../../screens/bytes/fr'
import { fr as compare } from '../../screens/compare/fr'
import { fr as diff } from '../../screens/diff/fr'
import { fr as ladder } from '../../screens/ladder/fr'
import { fr as library } from '../../screens/library/fr'
import { fr as message } from '../../screens/message/fr'
import { fr as present } from '../../screens/present/fr'
import { fr as settings } from '../../screens/settings/fr'
import { fr as setup } from '../../screens/setup/fr'
import { fr as states } from '../../screens/states/fr'
import { fr as page } from '../fr'

export const words = { page, bytes, compare, diff, ladder, library, message, present, settings, setup, states }

export type Words = typeof words
