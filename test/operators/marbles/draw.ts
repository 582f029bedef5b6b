/** Draws the marble diagrams anew: `npm run marbles`. */
import { writeFileSync } from 'node:fs'
import { diagrams } from './diagrams.ts'
import { draw, fileOf } from './svg.ts'

for (const diagram of diagrams) writeFileSync(fileOf(diagram), draw(diagram))
