/**
 * The recordings, as JSON modules, which Node, bundlers and browsers all know. Imported all at
 * once, but only when the first is asked for: see `loadGolden`. Imports are static because Vite's
 * server takes their attributes from no others.
 */
import cdowg from '../goldens/cdowg.json' with { type: 'json' }
import ckt from '../goldens/ckt.json' with { type: 'json' }
import cocob from '../goldens/cocob.json' with { type: 'json' }
import dadapt_adagrad from '../goldens/dadapt_adagrad.json' with { type: 'json' }
import dadapt_adam from '../goldens/dadapt_adam.json' with { type: 'json' }
import dadapt_adam_preprint from '../goldens/dadapt_adam_preprint.json' with { type: 'json' }
import dadapt_adan from '../goldens/dadapt_adan.json' with { type: 'json' }
import dadapt_lion from '../goldens/dadapt_lion.json' with { type: 'json' }
import dadapt_sgd from '../goldens/dadapt_sgd.json' with { type: 'json' }
import dog from '../goldens/dog.json' with { type: 'json' }
import dowg from '../goldens/dowg.json' with { type: 'json' }
import kozistr_adamg from '../goldens/kozistr_adamg.json' with { type: 'json' }
import kozistr_alig from '../goldens/kozistr_alig.json' with { type: 'json' }
import kozistr_dadapt_adagrad from '../goldens/kozistr_dadapt_adagrad.json' with { type: 'json' }
import kozistr_dadapt_adam from '../goldens/kozistr_dadapt_adam.json' with { type: 'json' }
import kozistr_dadapt_lion from '../goldens/kozistr_dadapt_lion.json' with { type: 'json' }
import kozistr_dadapt_sgd from '../goldens/kozistr_dadapt_sgd.json' with { type: 'json' }
import kozistr_prodigy from '../goldens/kozistr_prodigy.json' with { type: 'json' }
import kozistr_trac from '../goldens/kozistr_trac.json' with { type: 'json' }
import kt from '../goldens/kt.json' with { type: 'json' }
import ldog from '../goldens/ldog.json' with { type: 'json' }
import momo from '../goldens/momo.json' with { type: 'json' }
import momo_adam from '../goldens/momo_adam.json' with { type: 'json' }
import om_adagrad from '../goldens/om_adagrad.json' with { type: 'json' }
import om_adgd from '../goldens/om_adgd.json' with { type: 'json' }
import om_polyak from '../goldens/om_polyak.json' with { type: 'json' }
import prodigy from '../goldens/prodigy.json' with { type: 'json' }
import prodigy_plus_schedulefree from '../goldens/prodigy_plus_schedulefree.json' with {
  type: 'json',
}
import prodigy_reference from '../goldens/prodigy_reference.json' with { type: 'json' }
import schedulefree_adamw from '../goldens/schedulefree_adamw.json' with { type: 'json' }
import schedulefree_radam from '../goldens/schedulefree_radam.json' with { type: 'json' }
import schedulefree_sgd from '../goldens/schedulefree_sgd.json' with { type: 'json' }
import schedulefree_wrapper from '../goldens/schedulefree_wrapper.json' with { type: 'json' }
import sps from '../goldens/sps.json' with { type: 'json' }
import torch_adagrad from '../goldens/torch_adagrad.json' with { type: 'json' }
import torch_adam from '../goldens/torch_adam.json' with { type: 'json' }
import torch_adamw from '../goldens/torch_adamw.json' with { type: 'json' }
import torch_sgd from '../goldens/torch_sgd.json' with { type: 'json' }

/** Every file of goldens/ by its name. */
export const files: Readonly<Record<string, unknown>> = {
  cdowg,
  ckt,
  cocob,
  dadapt_adagrad,
  dadapt_adam,
  dadapt_adam_preprint,
  dadapt_adan,
  dadapt_lion,
  dadapt_sgd,
  dog,
  dowg,
  kozistr_adamg,
  kozistr_alig,
  kozistr_dadapt_adagrad,
  kozistr_dadapt_adam,
  kozistr_dadapt_lion,
  kozistr_dadapt_sgd,
  kozistr_prodigy,
  kozistr_trac,
  kt,
  ldog,
  momo,
  momo_adam,
  om_adagrad,
  om_adgd,
  om_polyak,
  prodigy,
  prodigy_plus_schedulefree,
  prodigy_reference,
  schedulefree_adamw,
  schedulefree_radam,
  schedulefree_sgd,
  schedulefree_wrapper,
  sps,
  torch_adagrad,
  torch_adam,
  torch_adamw,
  torch_sgd,
}
