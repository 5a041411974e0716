/**
 * The theme: that of VitePress with the looks of style.css and the interactive parts, which pages
 * name in a comment.
 */
import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/source-serif-4/index.css'
import 'katex/dist/katex.min.css'
import type { Theme } from 'vitepress'
import Default from 'vitepress/theme-without-fonts'
import { defineAsyncComponent } from 'vue'
import './style.css'

/** The interactive parts, each loaded with the first page that has it. */
const parts = {
  AdapterChooser: () => import('./components/AdapterChooser.vue'),
  AdapterTable: () => import('./components/AdapterTable.vue'),
  DigitRace: () => import('./components/DigitRace.vue'),
  FrontHero: () => import('./components/FrontHero.vue'),
  StepKernels: () => import('./components/StepKernels.vue'),
  SmallProblems: () => import('./components/SmallProblems.vue'),
  RateSearch: () => import('./components/RateSearch.vue'),
}

export default {
  extends: Default,
  enhanceApp({ app }) {
    for (const [name, load] of Object.entries(parts))
      app.component(name, defineAsyncComponent(load))
  },
} satisfies Theme
